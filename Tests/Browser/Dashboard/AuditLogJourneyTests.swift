import PodstackAPI
import PodstackTestSupport
import Testing

extension InBrowser {
    @Suite("Journeys through the audit log", .timeLimit(.perTest))
    struct AuditLogJourneyTests {
        /// Creates projects, each of which is an entry, and opens the log.
        private func openLog(_ browser: Browser, _ server: RunningServer, entries: Int) throws {
            try browser.open(server.url + server.server.signInLink(RunningServer.email))
            try browser.choosePassword(DashboardProcess.password)
            try browser.press("Save and sign in")
            try browser.waitForPage("Overview")
            let client = TestClient(server, try server.server.createToken(RunningServer.email))
            for number in 0..<entries {
                #expect(try client.send("POST", "/v1/projects", #"{"name": "Project \#(number)"}"#).status == 201)
            }
            try browser.open(server.url + "/audit-log")
            try browser.waitForPage("Audit log")
        }

        @Test("25 entries fit on the screen of a laptop, and details do not move the columns")
        func density() throws {
            let server = try RunningServer(clock: ManualClock())
            let browser = try Browser.start(width: 1440, height: 900)
            try openLog(browser, server, entries: 28)
            let visible = try browser.execute(
                """
                return [...document.querySelectorAll("#entries tr:has(time)")]
                    .filter(each => each.getBoundingClientRect().bottom <= innerHeight).length
                """, as: Int.self)
            #expect(visible >= 25)
            let columns =
                "return [...document.querySelectorAll('thead th')].map(each => each.getBoundingClientRect().left)"
            let before = try browser.execute(columns, as: [Double].self)
            #expect(try browser.findAll("#entries .details").allSatisfy { try !$0.isDisplayed })
            try browser.find("#entries summary").click()
            let details = try browser.find("#entries .details")
            #expect(try details.isDisplayed && details.text.contains("Entry ID"))
            #expect(try browser.findAll("#entries .details").filter { try $0.isDisplayed }.count == 1)
            #expect(try browser.execute(columns, as: [Double].self) == before)
            #expect(
                try browser.holds(
                    "document.querySelector('.details td').offsetWidth === document.querySelector('.log').offsetWidth"))
        }

        @Test("a shortened ID has the whole one as its title, and a button copies it")
        func copy() throws {
            let server = try RunningServer(clock: ManualClock())
            let browser = try Browser.start(width: 1440, height: 900)
            try openLog(browser, server, entries: 1)
            let id = try browser.find("#entries code").attribute("title") ?? ""
            #expect(id.hasPrefix("prj_") && id.count == 24)
            #expect(try browser.find("#entries code").text == "\(id.prefix(8))…\(id.suffix(4))")
            for permission in ["clipboard-read", "clipboard-write"] {
                try browser.driver.post(
                    "/permissions", ["descriptor": ["name": .string(permission)], "state": "granted"])
            }
            try browser.find("#entries summary").click()
            try browser.button("Copy resource ID").click()
            try browser.wait(for: "the copy") {
                try browser.execute("return navigator.clipboard.readText()", as: String.self) == id
            }
            #expect(try browser.find("main > [role=status]").text == "Copied to the clipboard.")
        }

        @Test("times and days are in the viewer's zone, also those of new entries")
        func zone() throws {
            // 2030-03-17 17:46 UTC is the next day in Tokyo.
            let clock = ManualClock()
            let server = try RunningServer(clock: clock)
            let browser = try Browser.start(width: 1440, height: 900)
            try browser.command("Emulation.setTimezoneOverride", ["timezoneId": "Asia/Tokyo"])
            try openLog(browser, server, entries: 2)
            let rows =
                "return [...document.querySelectorAll('#entries tr:not(.details)')].map(each => each.innerText.slice(0, 10))"
            let start = try browser.execute(rows, as: [String].self)
            #expect(start.first == "2030-03-18" && start.filter { $0.hasPrefix("2030") }.count == 1)
            #expect(start.dropFirst().allSatisfy { $0.hasPrefix("02:46") })
            #expect(try browser.find("#entries time").attribute("title") == "2030-03-17 17:46 UTC")
            try browser.wait(for: "the stream") {
                try browser.find("#live").text == "New entries appear automatically."
            }
            // Half a day ends a session that makes no request.
            clock.set(clock.now + 11 * 3600)
            try browser.reload()
            try browser.wait(for: "the stream") {
                try browser.find("#live").text == "New entries appear automatically."
            }
            clock.set(clock.now + 11 * 3600)
            _ = try server.server.createToken(RunningServer.email, name: "new")
            try browser.wait(for: "the entry") { try browser.find("#entries tr.new").text.contains("Token created") }
            let later = try browser.execute(rows, as: [String].self)
            #expect(later.filter { $0.hasPrefix("2030") } == ["2030-03-19", "2030-03-18"])
            #expect(try browser.consoleProblems() == [])
        }
    }
}
