import Podstack

extension Command {
    static let authWhoami = Command(
        words: ["auth", "whoami"], summary: "Show the e-mail address of the current user."
    ) { invocation in
        try invocation.arguments.nothing()
        let user = try await invocation.client().auth.whoami()
        try invocation.write(user) { Table.printable(user.email) }
        return .done
    }
}
