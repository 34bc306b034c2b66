import Foundation
import PodstackTestSupport
import Testing

extension InBrowser {
    @Suite("A sign-in link", .timeLimit(.perTest))
    struct SignInLinkJourneyTests {
        /// Records every request to a server.
        private struct Recorder {
            let folder: TemporaryDirectory
            let nginx: Nginx
            var url: String { "http://127.0.0.1:\(nginx.ports[0])" }

            init(_ server: RunningServer) throws {
                let folder = try TemporaryDirectory()
                self.folder = folder
                nginx = try Nginx(ports: 1) { ports in
                    """
                    log_format everything '$request_uri|$http_referer|$http_cookie';
                    server {
                        listen 127.0.0.1:\(ports[0]);
                        access_log \(folder.file("log")) everything;
                        location / {
                            proxy_pass \(server.url);
                            proxy_set_header Host $http_host;
                        }
                    }
                    """
                }
            }

            /// The target, the `Referer` and the cookies of each request.
            func requests() -> [[Substring]] {
                (folder.read("log") ?? "").split(separator: "\n")
                    .map { $0.split(separator: "|", omittingEmptySubsequences: false) }
            }
        }

        @Test(
            "opened from another site, leaves no trace in the address bar and in later requests",
            arguments: [true, false])
        func noTrace(javaScript: Bool) throws {
            let server = try RunningServer()
            let recorder = try Recorder(server)
            let link = try server.server.signInLink(RunningServer.email)
            let secret = try #require(link.split(separator: "/").last)
            // Another site, as a mail reader in the browser is: the host differs.
            let mail = try PageServer(["/": PageServer.page("Mail", "<a href='\(recorder.url)\(link)'>Open</a>")])
            let browser = try Browser.start(javaScript: javaScript)
            try browser.open(mail.url.replacing("127.0.0.1", with: "localhost"))
            try browser.follow("Open")
            try browser.waitForPage("Choose your password")
            func expectNoSecret() throws {
                #expect(try browser.url.hasPrefix("\(recorder.url)/welcome?link="))
                #expect(try !browser.url.contains(secret))
                #expect(
                    try !browser.execute("return document.documentElement.outerHTML", as: String.self).contains(secret))
            }
            try expectNoSecret()
            try browser.reload()
            try browser.waitForPage("Choose your password")
            // A second tab, and a mistake in the first.
            let first = try browser.tab
            let second = try browser.newTab()
            try browser.open(recorder.url + link)
            try browser.waitForPage("Choose your password")
            try browser.closeTab()
            #expect(second != first)
            try browser.switchTab(first)
            try browser.fill("Password", DashboardProcess.password)
            try browser.fill("Confirm password", "something else")
            try browser.press("Save and sign in")
            #expect(try browser.text.contains("The two passwords do not match."))
            try expectNoSecret()
            try browser.choosePassword(DashboardProcess.password)
            try browser.press("Save and sign in")
            try browser.waitForPage("Overview")
            #expect(try browser.cookies().allSatisfy { !$0.value.contains(secret) })

            let requests = recorder.requests()
            #expect(requests.contains { $0[0].hasPrefix("/assets/") })
            #expect(requests.filter { $0[0] == link }.count == 2)
            for request in requests where request[0] != link {
                #expect(!request[0].contains(secret) && !request[1].contains(secret))
                // Only the page of the link gets its cookie.
                #expect(request[2].contains(secret) == request[0].hasPrefix("/welcome?link="), "\(request[0])")
            }
            // Referers name no path of this service.
            #expect(requests.allSatisfy { !$0[1].hasPrefix(recorder.url) || $0[1] == recorder.url + "/" })
            #expect(try browser.consoleProblems().filter { !$0.contains("422") } == [])
        }
    }
}
