import PodstackAPI

/// Actions of a person on the dashboard.
extension Browser {
    /// Replaces the text of the field with this label.
    func fill(_ label: String, _ text: String) throws {
        let field = try field(label)
        try field.clear()
        try field.type(text)
    }

    /// Clicks the checkbox or the radio button with this label.
    func choose(_ label: String) throws { try find(choice: label).click() }

    private func find(choice label: String) throws -> Element {
        let text = Found.quoted(label)
        let path = "//label[contains(@class, 'choice')][span/text()[normalize-space(.)=\(text)]]/input"
        return Element(browser: self, id: try driver.post("/element", Found.xpath(path), as: Found.self).id)
    }

    /// Chooses an option of the list with this label.
    func select(_ label: String, _ option: String) throws {
        let text = Found.quoted(option)
        let found = try driver.post(
            "/element/\(try field(label).id)/element",
            Found.xpath(".//option[starts-with(normalize-space(.), \(text))]"), as: Found.self)
        try Element(browser: self, id: found.id).click()
    }

    func press(_ button: String) throws {
        try showMenu(for: button)
        try leave { try self.button(button).click() }
    }

    func follow(_ link: String) throws {
        try showMenu(for: link)
        try leave { try self.link(link).click() }
    }

    /// Opens the menu of a narrow page, unless the page displays a link or a button without it.
    private func showMenu(for text: String) throws {
        guard try !isDisplayed(text), let menu = try findAll(".menu:not([open]) summary").first, try menu.isDisplayed
        else { return }
        try menu.click()
    }

    /// Runs an action that loads another page, and waits for that page, which may have the same heading.
    func leave(by action: () throws -> Void) throws {
        try execute("window.isLeft = true")
        try action()
        try wait(for: "another page") { try holds("!window.isLeft && document.readyState === 'complete'") }
    }

    var heading: String { get throws { try find("h1").text } }

    func waitForPage(_ heading: String) throws {
        try wait(for: "the page “\(heading)”") { try self.heading == heading }
    }

    /// Creates the first account with its link, and opens the list of tokens.
    func signUp(at place: DashboardProcess) throws {
        try open(try place.firstAccountLink())
        try fill("Email", DashboardProcess.email)
        try choosePassword(DashboardProcess.password)
        try press("Create account")
        try waitForPage("Overview")
        try open(place.url + "/account/tokens")
        try waitForPage("API Tokens")
    }

    func choosePassword(_ password: String) throws {
        try fill("Password", password)
        try fill("Confirm password", password)
    }

    /// Fills in and sends the sign-in form.
    func signIn(email: String = DashboardProcess.email, password: String = DashboardProcess.password) throws {
        try waitForPage("Sign in")
        try fill("Email", email)
        try fill("Password", password)
        try press("Sign in")
    }

    /// Creates a token from the list of tokens, and returns the secret that the page shows.
    func createToken(_ name: String) throws -> String {
        try follow("Create Token")
        try fillTokenForm(name)
        try press("Create token")
        try waitForPage("Token created")
        return try displayedSecret
    }

    /// Fills in the form for a token that may do everything, of which nothing is chosen at first.
    func fillTokenForm(_ name: String) throws {
        try fill("Name", name)
        try choose("Full access")
    }

    /// The secret on the page of a new token.
    var displayedSecret: String { get throws { try find(".secret code").text } }

    /// Returns whether a condition in JavaScript is true.
    func holds(_ condition: String) throws -> Bool { try execute("return Boolean(\(condition))", as: Bool.self) }
}
