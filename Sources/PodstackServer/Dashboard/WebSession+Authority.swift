extension WebSession {
    /// What whoever is signed in may do, by the roles that they have now.
    func authority(in connection: any DatabaseConnection) throws -> Authority {
        Authority(grant: grant, memberships: try MemberStore.memberships(userID: userID, in: connection))
    }
}
