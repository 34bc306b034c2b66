extension PageVisitor {
    /// Good enough for anybody.
    package static let password = "a horse, a battery and a staple"

    /// With an account, and signed in.
    package convenience init(signedUpAt server: RunningServer) throws {
        self.init(server)
        try signUp()
    }

    /// Chooses a password by a one-time link, which signs in.
    ///
    /// - Parameter email: Of a user; made when there is none.
    @discardableResult
    package func signUp(
        email: String = RunningServer.email, password: String = PageVisitor.password
    ) throws -> Answer {
        let link: String
        do { link = try server.server.signInLink(email) } catch {
            try server.server.addUser(email)
            link = try server.server.signInLink(email)
        }
        return try choose(password, at: link)
    }

    /// Chooses a password where a one-time link leads, which signs in.
    @discardableResult
    package func choose(_ password: String = PageVisitor.password, at link: String, email: String = "") throws -> Answer
    {
        try get(link)
        return try post(link, ["email": email, "password": password, "repeated": password])
    }

    @discardableResult
    package func signIn(
        email: String = RunningServer.email, password: String = PageVisitor.password,
        headers: [(String, String)] = []
    ) throws -> Answer {
        try get("/sign-in")
        return try post("/sign-in", ["email": email, "password": password], headers: headers)
    }

    package var isSignedIn: Bool {
        get throws { try get("/account/sign-in").status == 200 }
    }
}
