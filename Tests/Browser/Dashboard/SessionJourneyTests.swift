import PodstackAPI
import PodstackTestSupport
import Testing

extension InBrowser {
    @Suite("Being signed in, and no more", .timeLimit(.perTest))
    struct SessionJourneyTests {
        @Test("a wrong password is said at the form, which keeps the address; the right one leads on")
        func wrongPassword() throws {
            let place = try DashboardProcess()
            let browser = try Browser.start()
            try browser.signUp(at: place)
            try browser.press("Sign out")
            try browser.signIn(password: "a horse, a battery")
            try browser.wait(for: "the problem") {
                try browser.find("[role=alert]").text == "That e-mail address and password do not go together."
            }
            #expect(try browser.status == 422)
            #expect(try browser.field("E-mail").value == DashboardProcess.email)
            #expect(try browser.field("Password").value == "")
            #expect(try browser.focused.accessibleName == "Password")
            try browser.fill("Password", DashboardProcess.password)
            try browser.press("Sign in")
            try browser.waitForPage("API Tokens")
        }

        @Test("whoever's session is over signs in, and is where they were")
        func expired() throws {
            let clock = ManualClock()
            let server = try RunningServer(clock: clock)
            let browser = try Browser.start()
            try browser.open(server.url + server.server.signInLink(RunningServer.email))
            try browser.choosePassword(DashboardProcess.password)
            try browser.press("Save and sign in")
            try browser.waitForPage("API Tokens")
            let place = server.url + "/audit-log?action=auth.login&limit=7"
            try browser.open(place)
            clock.set(clock.now + 12 * 3600)
            try browser.reload()
            try browser.signIn(email: RunningServer.email)
            try browser.waitForPage("Audit Log")
            #expect(try browser.url == place)
            // The same when the cookie is lost in the middle of a form.
            try browser.follow("API Tokens")
            try browser.follow("Create Token")
            try browser.fill("Name", "lost")
            try browser.deleteCookies()
            try browser.press("Create token")
            try browser.signIn(email: RunningServer.email)
            try browser.waitForPage("API Tokens")
            #expect(try browser.text.contains("No token yet"))
            // The log's page may have been told first that its stream is over.
            let problems = try browser.consoleProblems().filter { !$0.contains("/audit-log/events") }
            #expect(problems == [])
        }

        @Test("two tabs may do the same twice; what is done after signing out in the other leads to the sign-in page")
        func twoTabs() throws {
            let place = try DashboardProcess()
            let browser = try Browser.start()
            try browser.signUp(at: place)
            _ = try browser.createToken("both")
            try browser.follow("Done, show its details")
            try browser.follow("Revoke this token…")
            let (first, confirmation) = (try browser.tab, try browser.url)
            let second = try browser.newTab()
            try browser.open(confirmation)
            for tab in [first, second] {
                try browser.switchTab(tab)
                try browser.press("Revoke token")
                try browser.waitForPage("API Tokens")
                #expect(try browser.text.contains("The token is revoked."))
            }
            try browser.follow("Create Token")
            try browser.waitForPage("Create a token")
            try browser.switchTab(first)
            try browser.press("Sign out")
            try browser.waitForPage("Sign in")
            try browser.switchTab(second)
            try browser.fill("Name", "too late")
            try browser.press("Create token")
            try browser.waitForPage("Sign in")
            #expect(try browser.status == 200)
            try browser.back()
            #expect(try browser.text.contains("too late") == false)
            #expect(try browser.consoleProblems() == [])
        }

        @Test("a new entry of the audit log appears by itself while another tab creates a token")
        func live() throws {
            let place = try DashboardProcess()
            let browser = try Browser.start()
            try browser.signUp(at: place)
            let tokens = try browser.tab
            let log = try browser.newTab()
            try browser.open(place.url + "/audit-log")
            try browser.wait(for: "the stream") {
                try browser.find("#live").text == "New entries appear here by themselves."
            }
            try browser.execute("window.isStillHere = true")
            try browser.switchTab(tokens)
            _ = try browser.createToken("<b>seen</b>")
            try browser.switchTab(log)
            try browser.wait(for: "the entry") {
                let row = try browser.find("#entries tr.new").text
                return row.contains("Token created") && row.contains("<b>seen</b>")
            }
            try browser.wait(for: "what a screen reader says") { try browser.find("#live").text == "1 new entry." }
            #expect(try browser.holds("window.isStillHere"))
            #expect(try browser.accessibilityProblems() == [])
            #expect(try browser.consoleProblems() == [])
        }
    }
}
