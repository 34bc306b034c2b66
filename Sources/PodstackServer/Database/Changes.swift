/// Makes changes that others may have to hear of.
struct Changes: Sendable {
    let database: any Database
    let verifier: TokenVerifier

    /// Runs `body` in one transaction. When this returns it is durable, and nothing that it changed is served
    /// from memory any more.
    func make<Result>(_ body: (Change) throws -> Result) throws -> Result {
        var tokens: Set<String> = []
        var users: Set<String> = []
        let result = try database.write { connection in
            let change = Change(connection)
            let result = try body(change)
            (tokens, users) = (change.changedTokens, change.changedUsers)
            return result
        }
        for id in tokens { verifier.forget(id) }
        for id in users { verifier.forget(user: id) }
        return result
    }
}

/// A change under way.
final class Change {
    let connection: any DatabaseConnection
    private(set) var changedTokens: Set<String> = []
    private(set) var changedUsers: Set<String> = []

    init(_ connection: any DatabaseConnection) { self.connection = connection }

    /// Must be said of every token that is not as it was.
    func changed(token id: String) { changedTokens.insert(id) }

    /// Must be said of every user who may do more, or less, than before.
    func changed(user id: String) { changedUsers.insert(id) }
}
