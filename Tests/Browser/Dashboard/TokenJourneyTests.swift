import PodstackAPI
import PodstackTestSupport
import Testing

extension InBrowser {
    /// The document's "Generate API Token", and what people do on the way.
    @Suite("From the sign-in page to a token and back", .timeLimit(.perTest))
    struct TokenJourneyTests {
        @Test("the document's five steps end in a token that works until it is revoked", arguments: [true, false])
        func fiveSteps(javaScript: Bool) throws {
            let place = try DashboardProcess()
            let browser = try Browser.start(javaScript: javaScript)
            try browser.signUp(at: place)
            try browser.press("Sign out")
            // 1. Log in
            try browser.signIn()
            // 2. Account > API Tokens
            try browser.follow("API Tokens")
            try browser.waitForPage("API Tokens")
            #expect(try browser.find("nav").text.contains("Account"))
            // 3. and 4. Create Token, with a descriptive name
            let shown = try browser.createToken("Nightly tests")
            // 5. Copy the token
            let token = javaScript ? try copied(browser) : shown
            #expect(token == shown && token.hasPrefix("podstack_"))
            #expect(try browser.findAll("[data-copy]").allSatisfy { try $0.isDisplayed == javaScript })

            let user = try place.podstack("auth", "whoami", token: token)
            #expect(user.status == 0)
            #expect(user.output.contains(DashboardProcess.email))

            try browser.follow("Done, show its details")
            try browser.waitForPage("Nightly tests")
            try browser.follow("Revoke this token…")
            try browser.press("Revoke token")
            try browser.waitForPage("API Tokens")
            #expect(try browser.text.contains("The token is revoked."))
            let refused = try place.podstack("auth", "whoami", "-o", "json", token: token)
            #expect(refused.status != 0)
            let error = try APICoding.decode(ErrorBody.self, from: Array(refused.error.utf8))
            #expect(error.message.hasPrefix("Invalid API token") && error.code == .revokedToken)
            #expect(try browser.consoleProblems() == [])
        }

        /// Presses Copy, and reads what can be pasted then.
        private func copied(_ browser: Browser) throws -> String {
            for permission in ["clipboard-read", "clipboard-write"] {
                try browser.driver.post(
                    "/permissions", ["descriptor": ["name": .string(permission)], "state": "granted"])
            }
            try browser.button("Copy").click()
            _ = try browser.button("Copied")
            return try browser.execute("return navigator.clipboard.readText()", as: String.self)
        }

        @Test("neither Back nor Reload shows a secret again, or makes another token", arguments: [true, false])
        func backAndReload(javaScript: Bool) throws {
            let place = try DashboardProcess()
            let browser = try Browser.start(javaScript: javaScript)
            try browser.signUp(at: place)
            let secret = try browser.createToken("once")
            // Reload sends the form again, as it does when a person says so.
            try browser.reload()
            try browser.waitForPage("This token was created already")
            #expect(try !browser.source.contains(secret))
            try browser.open(place.url + "/account/tokens/new")
            try browser.fill("Name", "twice")
            try browser.press("Create token")
            try browser.waitForPage("Token created")
            let second = try browser.shownSecret
            try browser.follow("All tokens")
            try browser.waitForPage("API Tokens")
            try browser.back()
            try browser.wait(for: "a page without the secret") { try !browser.source.contains(second) }
            try browser.forward()
            try browser.waitForPage("API Tokens")
            #expect(try !browser.source.contains(second))
        }

        @Test("with the keyboard alone one signs in, creates a token and copies it")
        func keyboard() throws {
            let place = try DashboardProcess()
            let browser = try Browser.start()
            try browser.signUp(at: place)
            try browser.press("Sign out")
            try browser.waitForPage("Sign in")
            let keyboard = Keyboard(browser: browser)
            // The first field has the keyboard already.
            try keyboard.press(DashboardProcess.email)
            try keyboard.tab(to: "Password")
            try keyboard.press(DashboardProcess.password + Key.enter)
            try browser.waitForPage("API Tokens")
            try keyboard.tab(to: "Skip to the content")
            try keyboard.press(Key.enter)
            try keyboard.tab(to: "Create Token")
            try keyboard.press(Key.enter)
            try browser.waitForPage("Create a token")
            try keyboard.press("laptop")
            try keyboard.tab(to: "in 30 days")
            try keyboard.press(Key.right)
            try keyboard.tab(to: "Full access Everything that you may do yourself.")
            try keyboard.tab(to: "Create token")
            try keyboard.press(Key.space)
            try browser.waitForPage("Token created")
            let shown = try browser.shownSecret
            // What the page is for has the keyboard already.
            #expect(try browser.focused.accessibleName == "Copy")
            try keyboard.press(Key.enter)
            try browser.wait(for: "what a screen reader says") { try !browser.find("#copied").text.isEmpty }
            #expect(try place.podstack("auth", "whoami", token: shown).status == 0)
            try keyboard.tab(to: "Done, show its details")
            try keyboard.press(Key.enter)
            try browser.waitForPage("laptop")
        }

        @Test("a program asks with auth login --web, and gets its token when its page is approved")
        func device() throws {
            let place = try DashboardProcess()
            let browser = try Browser.start()
            try browser.signUp(at: place)
            try browser.press("Sign out")
            let program = try place.startPodstack(["auth", "login", "--web"])
            defer { program.signal(15) }
            try program.waitForError { $0.contains("this code") && $0.hasSuffix("\n") }
            let said = program.standardError.split(whereSeparator: \.isWhitespace).map(String.init)
            let page = try #require(said.first { $0.hasPrefix("http") })
            let code = try #require(said.last)
            // Whoever is not signed in comes back here.
            try browser.open(page)
            try browser.signIn()
            try browser.waitForPage("A program asks for access to your account")
            #expect(try browser.find("dl").text.contains(code))
            try browser.press("Approve")
            try browser.waitForPage("Approved")
            #expect(program.wait() == 0)
            #expect(program.standardOutput.contains("Authenticated as: \(DashboardProcess.email)"))
            #expect(try place.podstack("auth", "whoami").output.contains(DashboardProcess.email))
            try browser.follow("API Tokens")
            try browser.waitForPage("API Tokens")
            #expect(try browser.text.contains("1 of 5 active"))
            #expect(try browser.consoleProblems() == [])
        }
    }
}
