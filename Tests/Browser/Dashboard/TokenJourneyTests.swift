import PodstackAPI
import PodstackTestSupport
import Testing

extension InBrowser {
    /// The steps of "Generate API Token" in the documentation, and what can happen on the way.
    @Suite("Journeys to a token", .timeLimit(.perTest))
    struct TokenJourneyTests {
        @Test("the five documented steps create a token that works until it is revoked", arguments: [true, false])
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
            let displayed = try browser.createToken("Nightly tests")
            // 5. Copy the token
            let token = javaScript ? try copied(browser) : displayed
            #expect(token == displayed && token.hasPrefix("podstack_"))
            let buttons = try browser.findAll(".secret [data-copy], .panel-1 [data-copy]")
            #expect(try buttons.count == 3 && buttons.allSatisfy { try $0.isDisplayed == javaScript })

            let user = try place.podstack("auth", "whoami", token: token)
            #expect(user.status == 0)
            #expect(user.output.contains(DashboardProcess.email))

            try browser.follow("Done")
            try browser.waitForPage("Nightly tests")
            try browser.follow("Revoke token…")
            try browser.press("Revoke token")
            try browser.waitForPage("API Tokens")
            #expect(try browser.text.contains("The token is revoked and no longer works."))
            let refused = try place.podstack("auth", "whoami", "-o", "json", token: token)
            #expect(refused.status != 0)
            let error = try APICoding.decode(ErrorBody.self, from: Array(refused.error.utf8))
            #expect(error.message.hasPrefix("Invalid API token") && error.code == .revokedToken)
            #expect(try browser.consoleProblems() == [])
        }

        /// Presses Copy and returns the content of the clipboard.
        private func copied(_ browser: Browser) throws -> String {
            for permission in ["clipboard-read", "clipboard-write"] {
                try browser.driver.post(
                    "/permissions", ["descriptor": ["name": .string(permission)], "state": "granted"])
            }
            try browser.button("Copy").click()
            _ = try browser.button("Copied")
            return try browser.execute("return navigator.clipboard.readText()", as: String.self)
        }

        @Test("Back and Reload neither show a secret again nor create another token", arguments: [true, false])
        func backAndReload(javaScript: Bool) throws {
            let place = try DashboardProcess()
            let browser = try Browser.start(javaScript: javaScript)
            try browser.signUp(at: place)
            let secret = try browser.createToken("once")
            // Reload sends the form again, as after a confirmation by the user.
            try browser.reload()
            try browser.waitForPage("Token already created")
            #expect(try !browser.source.contains(secret))
            try browser.open(place.url + "/account/tokens/new")
            try browser.fillTokenForm("twice")
            try browser.press("Create token")
            try browser.waitForPage("Token created")
            let second = try browser.displayedSecret
            try browser.follow("API Tokens")
            try browser.waitForPage("API Tokens")
            try browser.back()
            try browser.wait(for: "a page without the secret") { try !browser.source.contains(second) }
            try browser.forward()
            try browser.waitForPage("API Tokens")
            #expect(try !browser.source.contains(second))
        }

        @Test("a user can sign in, create a token and copy it with the keyboard alone")
        func keyboard() throws {
            let place = try DashboardProcess()
            let browser = try Browser.start()
            try browser.signUp(at: place)
            try browser.press("Sign out")
            try browser.waitForPage("Sign in")
            let keyboard = Keyboard(browser: browser)
            // The first field has the focus.
            try keyboard.press(DashboardProcess.email)
            try keyboard.tab(to: "Password")
            try keyboard.press(DashboardProcess.password + Key.enter)
            try browser.waitForPage("Overview")
            try keyboard.tab(to: "Skip to content")
            try keyboard.press(Key.enter)
            try keyboard.tab(to: "Create a token")
            try keyboard.press(Key.enter)
            try browser.waitForPage("Create a token")
            try keyboard.press("laptop")
            // Nothing is chosen; the arrow keys choose within the group.
            try keyboard.tab(to: "CI Create, stop and delete pods, read their logs, and view projects.")
            try keyboard.press(Key.right + Key.right)
            #expect(try browser.holds("document.querySelector('[name=access]:checked').value === 'full'"))
            try keyboard.tab(to: "Expires")
            try keyboard.press(Key.right)
            try keyboard.tab(to: "Create token")
            try keyboard.press(Key.space)
            try browser.waitForPage("Token created")
            let displayed = try browser.displayedSecret
            // The copy button has the focus.
            #expect(try browser.focused.accessibleName == "Copy")
            try keyboard.press(Key.enter)
            try browser.wait(for: "the announcement") {
                try !browser.find("main > [role=status]").text.isEmpty
            }
            #expect(try place.podstack("auth", "whoami", token: displayed).status == 0)
            try keyboard.tab(to: "Done")
            try keyboard.press(Key.enter)
            try browser.waitForPage("laptop")
        }

        @Test("auth login --web gets its token when the request is approved")
        func device() throws {
            let place = try DashboardProcess()
            let browser = try Browser.start()
            try browser.signUp(at: place)
            try browser.press("Sign out")
            let program = try place.startPodstack(["auth", "login", "--web"])
            defer { program.signal(15) }
            try program.waitForError { $0.contains("this code") && $0.hasSuffix("\n") }
            let reply = program.standardError.split(whereSeparator: \.isWhitespace).map(String.init)
            let page = try #require(reply.first { $0.hasPrefix("http") })
            let code = try #require(reply.last)
            // Signing in returns to this page.
            try browser.open(page)
            try browser.signIn()
            try browser.waitForPage("A program asks for access to your account")
            #expect(try browser.find("main dl").text.contains(code))
            // Approving is a deliberate act: without it, the browser does not send the form.
            try browser.button("Approve").click()
            #expect(try browser.heading == "A program asks for access to your account")
            try browser.choose("I started this myself, and the program shows exactly this code.")
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
