import Foundation
import PodstackTestSupport
import Testing

extension InBrowser {
    /// Tests that the browser harness works and that its checks can fail.
    @Suite("The browser harness", .timeLimit(.perTest))
    struct HarnessTests {
        static let form = PageServer.page(
            "First",
            """
            <form action="/second"><label for="name">Your name</label> <input id="name" name="name">
            <button>Go on</button></form>
            <p id="script">No script</p>
            <script>document.getElementById("script").textContent = "A script"</script>
            """)

        @Test("a form is filled in and sent, and Back returns to it")
        func form() throws {
            let server = try PageServer([
                "/": Self.form, "/second?name=Ada": PageServer.page("Second", "<a href='/'>It's here</a>"),
                "/second?name=": PageServer.page("Nobody", ""),
            ])
            let browser = try Browser.start()
            try browser.open(server.url)
            #expect(try browser.title == "First")
            #expect(try browser.find("#script").text == "A script")
            let field = try browser.field("Your name")
            #expect(try field.accessibleName == "Your name")
            #expect(try field.role == "textbox")
            try field.type("Ada")
            #expect(try field.value == "Ada")
            try browser.button("Go on").click()
            try browser.wait(for: "the second page") { try browser.title == "Second" }
            #expect(try browser.url == server.url + "second?name=Ada")
            #expect(try browser.status == 200)
            try browser.link("It's here").click()
            try browser.wait(for: "the first page") { try browser.title == "First" }
            try browser.find("form").submit()
            try browser.wait(for: "the page without a name") { try browser.title == "Nobody" }
            try browser.back()
            try browser.field("Your name").submit()
            try browser.wait(for: "the page without a name") { try browser.title == "Nobody" }
            try browser.reload()
            #expect(try browser.find("h1").text == "Nobody")
            #expect(try browser.findAll("a").isEmpty)
            #expect(try browser.consoleProblems() == [])
        }

        @Test("without JavaScript, a page works and runs no scripts")
        func noScript() throws {
            let server = try PageServer(["/": Self.form, "/second?name=": PageServer.page("Second", "")])
            let browser = try Browser.start(javaScript: false)
            try browser.open(server.url)
            #expect(try browser.find("#script").text == "No script")
            #expect(try browser.source.contains("No script"))
            #expect(try browser.status == 200)
            try browser.button("Go on").click()
            try browser.wait(for: "the second page") { try browser.title == "Second" }
        }

        @Test("violations of the content security policy are reported, and checks still run")
        func policy() throws {
            let server = try PageServer(
                ["/": Self.form], headers: "Content-Security-Policy: default-src 'none'; img-src data:\r\n")
            let browser = try Browser.start()
            try browser.open(server.url)
            #expect(try browser.find("#script").text == "No script")
            #expect(try browser.consoleProblems().contains { $0.contains("Content Security Policy") })
            #expect(try browser.accessibilityProblems() == [])
        }

        @Test("cookies have their attributes, are shared by tabs and can be deleted")
        func cookies() throws {
            let server = try PageServer(
                ["/": Self.form], headers: "Set-Cookie: session=abc; Path=/; HttpOnly; SameSite=Lax\r\n")
            let browser = try Browser.start()
            try browser.open(server.url)
            let first = try browser.tab
            try browser.newTab()
            try browser.open(server.url + "missing")
            #expect(try browser.status == 404)
            let cookie = try #require(try browser.cookies().first)
            #expect(cookie.name == "session" && cookie.value == "abc" && cookie.httpOnly && !cookie.secure)
            #expect(cookie.sameSite == "Lax" && cookie.expiry == nil)
            #expect(try browser.tabs.count == 2)
            try browser.closeTab()
            try browser.switchTab(first)
            try browser.deleteCookies()
            #expect(try browser.cookies().isEmpty)
            #expect(try browser.consoleProblems().contains { $0.contains("404") })
        }

        @Test("a page has the requested size, colors and input of the device", arguments: [390, 1280], [false, true])
        func looks(width: Int, dark: Bool) throws {
            struct Seen: Decodable, Equatable {
                var width: Int
                var isDark: Bool
                var hasTouch: Bool
            }
            let server = try PageServer(["/": Self.form])
            let browser = try Browser.start(dark: dark, width: width)
            try browser.open(server.url)
            let seen = try browser.execute(
                """
                return {width: innerWidth, isDark: matchMedia("(prefers-color-scheme: dark)").matches,
                        hasTouch: navigator.maxTouchPoints > 0}
                """, as: Seen.self)
            #expect(seen == Seen(width: width, isDark: dark, hasTouch: width == 390))
        }

        @Test("other machines cannot be reached", arguments: ["http://example.com/", "http://192.0.2.1/"])
        func nothingBeyond(url: String) throws {
            let browser = try Browser.start()
            #expect(throws: BrowserFailure.self) { try browser.open(url) }
        }

        @Test("an unknown certificate is rejected unless every certificate is accepted")
        func certificates() throws {
            let authority = try PrivateAuthority()
            let (certificate, key) = try authority.issue("server", for: "IP:127.0.0.1")
            let nginx = try Nginx(ports: 1) { ports in
                """
                server {
                    listen 127.0.0.1:\(ports[0]) ssl; ssl_certificate \(certificate); ssl_certificate_key \(key);
                    location / { default_type text/html; return 200 '<title>Secret</title>'; }
                }
                """
            }
            let url = "https://127.0.0.1:\(nginx.ports[0])/"
            let browser = try Browser.start()
            // Chromium displays its own error page, which is not an error of the protocol.
            try browser.open(url)
            #expect(try browser.text.contains("ERR_CERT_AUTHORITY_INVALID"))
            let trusting = try Browser.start(trustsAnyone: true)
            try trusting.open(url)
            #expect(try trusting.title == "Secret")
        }

        @Test("Chromium and its files are removed with its browser")
        func end() throws {
            var browser: Browser? = try Browser.start()
            let folder = try #require(browser?.driver.folder)
            #expect(try Self.programs(in: folder) > 1)
            browser = nil
            #expect(!FileManager.default.fileExists(atPath: folder))
            // The last processes end on their own.
            try blockUntil(within: .seconds(60), "no process of the browser is left") {
                try Self.programs(in: folder) == 0
            }
        }

        /// Returns the number of processes that have a text in their environment or arguments.
        static func programs(in folder: String) throws -> Int {
            try FileManager.default.contentsOfDirectory(atPath: "/proc").filter { name in
                guard Int(name) != nil else { return false }
                let files = ["cmdline", "environ"].map { FileManager.default.contents(atPath: "/proc/\(name)/\($0)") }
                return files.contains { $0.map { String(decoding: $0, as: UTF8.self).contains(folder) } ?? false }
            }.count
        }

        @Test("the served HTML of a page is read without another request", arguments: [false, true])
        func served(javaScript: Bool) throws {
            let posting = "<title>A</title><form method=post action=/made><button>Make</button></form>"
            let created = "<title>Made</title><p>Not</span> right"
            let server = try WireServer { request in
                let page = request.method == "POST" ? created : posting
                return [.response(headers: "Content-Type: text/html\r\nCache-Control: no-store\r\n", page)]
            }
            let browser = try Browser.start(javaScript: javaScript)
            try browser.open(server.url)
            try browser.button("Make").click()
            try browser.wait(for: "what was made") { try browser.title == "Made" }
            #expect(try browser.servedHTML() == created)
            #expect(server.requests.filter { $0.target == "/made" }.map(\.method) == ["POST"])
        }

        @Test("an invalid selector is reported at once")
        func invalidSelector() throws {
            let browser = try Browser.start()
            #expect { try browser.find("###") } throws: { ($0 as? BrowserFailure)?.code == "invalid selector" }
        }

        @Test("a screenshot contains the whole page")
        func picture() throws {
            let server = try PageServer(["/": PageServer.page("Long", "<p style='height: 3000px'>A")])
            let folder = try TemporaryDirectory()
            let browser = try Browser.start()
            try browser.open(server.url)
            try browser.screenshot(to: folder.file("page.png"))
            let bytes = try #require(FileManager.default.contents(atPath: folder.file("page.png")))
            #expect(bytes.starts(with: [0x89, 0x50, 0x4E, 0x47]))
            // The header of a PNG contains its width and height.
            #expect(bytes[16..<20].reduce(0) { $0 << 8 | Int($1) } == 1280)
            #expect(bytes[20..<24].reduce(0) { $0 << 8 | Int($1) } > 3000)
        }
    }
}
