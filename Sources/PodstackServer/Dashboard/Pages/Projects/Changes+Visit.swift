import PodstackAPI

extension Changes {
    /// What a visitor does in a project, or beside all of them. Whether it is allowed is asked in the transaction of the
    /// change.
    func perform<Result>(
        by visit: Visit, _ scope: Scope, in projectID: String?, _ body: (Change) throws -> Result
    ) throws -> Result {
        let session = try visit.signedIn()
        return try perform(by: try visit.actor(), at: visit.now) { change in
            try Authority(of: session.user, in: change.connection).require(scope, in: projectID)
            return try body(change)
        }
    }
}
