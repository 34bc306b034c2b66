import Podstack

extension Command {
    static let authLogout = Command(
        words: ["auth", "logout"],
        summary: "Remove the stored token of the profile; it stays valid until it is revoked."
    ) { invocation in
        try invocation.arguments.nothing()
        let place = try StoredToken(invocation)
        guard let kind = try await place.remove() else {
            throw CommandError(message: "\(place.path) holds no token of the profile \"\(place.profile)\"")
        }
        let keyring = kind == .keyring ? "the keyring and " : ""
        invocation.note(Table.printable("Removed the token of [\(place.profile)] from \(keyring)\(place.path)"))
        return .done
    }
}
