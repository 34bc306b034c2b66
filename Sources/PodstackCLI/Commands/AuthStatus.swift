import Podstack

extension Command {
    static let authStatus = Command(
        words: ["auth", "status"], summary: "Show who you are, when the token ends, and where each setting comes from."
    ) { invocation in
        try invocation.arguments.nothing()
        let user = try await invocation.client().auth.whoami()
        let configuration = try invocation.configuration()
        let expires = user.token?.expiresAt.map { String(Timestamp.format($0).prefix(10)) } ?? "never"
        try invocation.write(Status(user: user, settings: SettingsReport(configuration))) {
            """
            Authenticated as: \(Table.printable(user.email))
            Account ID: \(Table.printable(user.accountID ?? "unknown"))
            Token expires: \(expires)

            \(SettingsReport.text(configuration))
            """
        }
        return .done
    }
}

private struct Status: Encodable {
    var user: User
    var settings: SettingsReport
}
