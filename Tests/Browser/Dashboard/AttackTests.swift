import PodstackAPI
import PodstackTestSupport
import Testing

extension InBrowser {
    /// Attacks on the dashboard by other pages and by text from other users.
    @Suite("Attacks on the dashboard", .timeLimit(.perTest))
    struct AttackTests {
        @Test("under TLS, the session cookie is restricted to this host and hidden from scripts")
        func cookies() throws {
            let place = try DashboardProcess(authority: try PrivateAuthority())
            let browser = try Browser.start(trustsAnyone: true)
            try browser.signUp(at: place)
            let cookie = try #require(try browser.cookies().first { $0.name == "__Host-podstack_session" })
            #expect(cookie.httpOnly && cookie.secure && cookie.sameSite == "Lax")
            #expect(cookie.path == "/" && cookie.domain == "127.0.0.1")
            #expect(try browser.cookies().allSatisfy { $0.httpOnly && $0.secure && $0.name.hasPrefix("__Host-") })
            #expect(try browser.execute("return document.cookie", as: String.self) == "")
            try browser.press("Sign out")
            try browser.waitForPage("Sign in")
            #expect(try browser.cookies().allSatisfy { $0.name != cookie.name })
            #expect(try browser.consoleProblems() == [])
        }

        @Test("a cookie does not authenticate at the API, and a token not at the dashboard")
        func credentials() throws {
            let place = try DashboardProcess()
            let browser = try Browser.start()
            try browser.signUp(at: place)
            let token = try browser.createToken("api")
            let status = "return fetch('/v1/auth/whoami', {credentials: 'include'}).then(answer => answer.status)"
            #expect(try browser.execute(status, as: Int.self) == 401)
            #expect(
                try RawHTTP(port: place.port).request("GET", "/v1/auth/whoami", headers: bearer(token)).status == 200)
            let response = try RawHTTP(port: place.port).request("GET", "/account/tokens", headers: bearer(token))
            #expect(response.status == 303)
            #expect(response.headers["location"]?.hasPrefix("/sign-in") == true)
        }

        private func bearer(_ token: String) -> [(String, String)] { [("Authorization", "Bearer \(token)")] }

        @Test("a form with a wrong key or from another page is rejected")
        func forgery() throws {
            let place = try DashboardProcess()
            let browser = try Browser.start()
            try browser.signUp(at: place)
            try browser.follow("Create Token")
            try browser.fillTokenForm("forged")
            try browser.execute("document.querySelector('main [name=form_key]').value = 'f'.repeat(32)")
            try browser.press("Create token")
            try browser.waitForPage("Access denied")
            #expect(try browser.status == 403)
            // Even with the right key: another port is another origin, although the browser sends the cookie.
            try browser.back()
            let key = try browser.find("main [name=form_key]").attribute("value") ?? ""
            let id = try browser.find("main [name=id]").attribute("value") ?? ""
            let fields = [
                "form_key": key, "id": id, "name": "forged", "expiry": "30", "access": "full", "projects": "all",
            ].map { "<input type=hidden name=\($0) value=\($1)>" }.joined()
            let foreign = try PageServer([
                "/": "<title>Elsewhere</title><form method=post action='\(place.url)/account/tokens'>\(fields)"
                    + "<button>Win a prize</button></form>"
            ])
            try browser.open(foreign.url)
            try browser.press("Win a prize")
            try browser.waitForPage("Access denied")
            try browser.open(place.url + "/account/tokens")
            #expect(try browser.text.contains("0 of 5 active"))
        }

        @Test("other pages cannot frame the dashboard")
        func framing() throws {
            let place = try DashboardProcess()
            let browser = try Browser.start()
            try browser.signUp(at: place)
            let foreign = try PageServer([
                "/": "<title>Frame</title><iframe src='\(place.url)/account/tokens' width=900 height=600></iframe>"
            ])
            try browser.open(foreign.url)
            try browser.driver.post("/frame", ["id": 0])
            #expect(try !browser.source.contains("API Tokens"))
            #expect(try browser.consoleProblems().contains { $0.contains("frame-ancestors") })
        }

        @Test("markup in a name is displayed as text and never runs")
        func injection() throws {
            let place = try DashboardProcess()
            let browser = try Browser.start()
            try browser.signUp(at: place)
            let name = "'\"></code><script>owned=1</script><img src=x onerror=owned=1>"
            _ = try browser.createToken(name)
            #expect(try browser.find(".notice").text.contains(name))
            try browser.follow("Done")
            try browser.waitForPage(name)
            #expect(try !browser.holds("window.owned"))
            for page in ["/account/tokens", "/audit-log"] {
                try browser.open(place.url + page)
                #expect(try browser.find("main").text.contains(name))
                #expect(try !browser.holds("window.owned"))
            }
            #expect(try browser.consoleProblems() == [])
            // Even injected markup cannot run scripts or apply styles.
            try browser.execute(
                """
                const script = document.createElement("script");
                script.textContent = "window.owned = 1";
                document.body.append(script);
                document.body.insertAdjacentHTML("beforeend", "<p id=odd style='color: red' onclick='owned = 1'>x</p>");
                document.getElementById("odd").click();
                """)
            #expect(try !browser.holds("window.owned"))
            #expect(try !browser.holds("getComputedStyle(document.getElementById('odd')).color === 'rgb(255, 0, 0)'"))
            #expect(try browser.consoleProblems().filter { $0.contains("Content Security Policy") }.count >= 3)
        }
    }
}
