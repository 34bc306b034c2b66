import PodstackAPI
import PodstackTestSupport
import Testing

extension InBrowser {
    @Suite("Journeys through sessions", .timeLimit(.perTest))
    struct SessionJourneyTests {
        @Test("a wrong password is reported at the form, which keeps the email address")
        func wrongPassword() throws {
            let place = try DashboardProcess()
            let browser = try Browser.start()
            try browser.signUp(at: place)
            try browser.press("Sign out")
            try browser.signIn(password: "a horse, a battery")
            try browser.wait(for: "the problem") {
                try browser.find("[role=alert]").text == "Incorrect email address or password."
            }
            #expect(try browser.status == 422)
            #expect(try browser.field("Email").value == DashboardProcess.email)
            #expect(try browser.field("Password").value == "")
            #expect(try browser.focused.accessibleName == "Password")
            try browser.fill("Password", DashboardProcess.password)
            try browser.press("Sign in")
            try browser.waitForPage("Overview")
        }

        @Test("after the session has ended, signing in returns to the same page")
        func expired() throws {
            let clock = ManualClock()
            let server = try RunningServer(clock: clock)
            let browser = try Browser.start()
            try browser.open(server.url + server.server.signInLink(RunningServer.email))
            try browser.choosePassword(DashboardProcess.password)
            try browser.press("Save and sign in")
            try browser.waitForPage("Overview")
            let place = server.url + "/audit-log?action=auth.login&limit=7"
            try browser.open(place)
            clock.set(clock.now + 12 * 3600)
            try browser.reload()
            try browser.signIn(email: RunningServer.email)
            try browser.waitForPage("Audit log")
            #expect(try browser.url == place)
            // A form that is sent without a cookie also redirects to the sign-in page.
            try browser.follow("API Tokens")
            try browser.follow("Create Token")
            try browser.fillTokenForm("lost")
            try browser.deleteCookies()
            try browser.press("Create token")
            try browser.signIn(email: RunningServer.email)
            try browser.waitForPage("Overview")
            try browser.follow("API Tokens")
            #expect(try browser.text.contains("No active tokens"))
            // The stream of the audit log may have ended first.
            let problems = try browser.consoleProblems().filter { !$0.contains("/audit-log/events") }
            #expect(problems == [])
        }

        @Test("two tabs can revoke the same token, and a form after signing out redirects to sign-in")
        func twoTabs() throws {
            let place = try DashboardProcess()
            let browser = try Browser.start()
            try browser.signUp(at: place)
            _ = try browser.createToken("both")
            try browser.follow("Done")
            try browser.follow("Revoke token…")
            let (first, confirmation) = (try browser.tab, try browser.url)
            let second = try browser.newTab()
            try browser.open(confirmation)
            for tab in [first, second] {
                try browser.switchTab(tab)
                try browser.press("Revoke token")
                try browser.waitForPage("API Tokens")
                #expect(try browser.text.contains("The token is revoked and no longer works."))
            }
            try browser.follow("Create Token")
            try browser.waitForPage("Create a token")
            try browser.switchTab(first)
            try browser.press("Sign out")
            try browser.waitForPage("Sign in")
            try browser.switchTab(second)
            try browser.fillTokenForm("too late")
            try browser.press("Create token")
            try browser.waitForPage("Sign in")
            #expect(try browser.status == 200)
            try browser.back()
            #expect(try browser.text.contains("too late") == false)
            #expect(try browser.consoleProblems() == [])
        }

        @Test("a new audit log entry appears while another tab creates a token")
        func live() throws {
            let place = try DashboardProcess()
            let browser = try Browser.start()
            try browser.signUp(at: place)
            let tokens = try browser.tab
            let log = try browser.newTab()
            try browser.open(place.url + "/audit-log")
            try browser.wait(for: "the stream") {
                try browser.find("#live").text == "New entries appear automatically."
            }
            try browser.execute("window.isStillHere = true")
            try browser.switchTab(tokens)
            _ = try browser.createToken("<b>seen</b>")
            try browser.switchTab(log)
            try browser.wait(for: "the entry") {
                let row = try browser.find("#entries tr.new").text
                return row.contains("Token created") && row.contains("<b>seen</b>")
            }
            try browser.wait(for: "the announcement") { try browser.find("#live").text == "1 new entry." }
            #expect(try browser.holds("window.isStillHere"))
            #expect(try browser.accessibilityProblems() == [])
            #expect(try browser.consoleProblems() == [])
        }
    }
}
