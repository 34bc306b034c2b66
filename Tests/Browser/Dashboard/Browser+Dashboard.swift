import PodstackAPI

/// What a person does at the dashboard.
extension Browser {
    /// Types into the field with this label, in place of what is there.
    func fill(_ label: String, _ text: String) throws {
        let field = try field(label)
        try field.clear()
        try field.type(text)
    }

    /// Ticks a box, or chooses one of several.
    func choose(_ label: String) throws { try find(choice: label).click() }

    private func find(choice label: String) throws -> Element {
        let text = Found.quoted(label)
        let path = "//label[contains(@class, 'choice')][span/text()[normalize-space(.)=\(text)]]/input"
        return Element(browser: self, id: try driver.post("/element", Found.xpath(path), as: Found.self).id)
    }

    func press(_ button: String) throws { try leave { try self.button(button).click() } }
    func follow(_ link: String) throws { try leave { try self.link(link).click() } }

    /// Does what leads to another page, which may have the same heading, and waits until that is there.
    func leave(by action: () throws -> Void) throws {
        try execute("window.isLeft = true")
        try action()
        try wait(for: "another page") { try holds("!window.isLeft && document.readyState === 'complete'") }
    }

    var heading: String { get throws { try find("h1").text } }

    func waitForPage(_ heading: String) throws {
        try wait(for: "the page “\(heading)”") { try self.heading == heading }
    }

    /// By the link that makes the first account.
    func signUp(at place: DashboardProcess) throws {
        try open(try place.firstAccountLink())
        try fill("E-mail", DashboardProcess.email)
        try choosePassword(DashboardProcess.password)
        try press("Create account")
        try waitForPage("API Tokens")
    }

    func choosePassword(_ password: String) throws {
        try fill("Password", password)
        try fill("Password again", password)
    }

    /// Where the form for that is.
    func signIn(email: String = DashboardProcess.email, password: String = DashboardProcess.password) throws {
        try waitForPage("Sign in")
        try fill("E-mail", email)
        try fill("Password", password)
        try press("Sign in")
    }

    /// From the list of tokens.
    ///
    /// - Returns: The secret, as the page shows it.
    func createToken(_ name: String) throws -> String {
        try follow("Create Token")
        try fill("Name", name)
        try press("Create token")
        try waitForPage("Token created")
        return try shownSecret
    }

    /// What the page with a new token shows.
    var shownSecret: String { get throws { try find(".secret code").text } }

    /// Runs a script whose value says whether something is so.
    func holds(_ condition: String) throws -> Bool { try execute("return Boolean(\(condition))", as: Bool.self) }
}
