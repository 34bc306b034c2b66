import PodstackTestSupport
import Testing

extension InBrowser {
    @Suite("The frame of every page", .timeLimit(.perTest))
    struct FrameTests {
        @Test("the menu of a narrow page opens, leads to other pages and signs out", arguments: [true, false])
        func menu(javaScript: Bool) throws {
            let place = try DashboardProcess()
            // Without scripts, taps on an emulated phone never end; a narrow window has the menu too.
            let browser = try Browser.start(javaScript: javaScript, width: javaScript ? 390 : 820, height: 844)
            try browser.signUp(at: place)
            let links = "header nav a"
            #expect(try browser.findAll(links).allSatisfy { try !$0.isDisplayed })
            try browser.find(".menu summary").click()
            #expect(try browser.findAll(".menu nav a").allSatisfy { try $0.isDisplayed })
            #expect(try browser.find(".menu .viewer").text.contains(DashboardProcess.email))
            #expect(try browser.smallTargets() == [])
            try browser.leave { try browser.find(".menu a[href='/projects']").click() }
            try browser.waitForPage("Projects")
            // The menu is closed again on the next page.
            #expect(try browser.findAll(links).allSatisfy { try !$0.isDisplayed })
            try browser.find(".menu summary").click()
            #expect(try browser.find(".menu a[aria-current=page]").text == "Projects")
            try browser.leave { try browser.find(".menu .viewer button").click() }
            try browser.waitForPage("Sign in")
        }

        @Test("the navigation is there once for screen readers, at every width", arguments: [390, 1280])
        func navigation(width: Int) throws {
            let place = try DashboardProcess()
            let browser = try Browser.start(width: width)
            try browser.signUp(at: place)
            if width == 390 { try browser.find(".menu summary").click() }
            let shown = try browser.findAll("header nav").filter { try $0.isDisplayed }
            #expect(shown.count == 1)
            #expect(try shown.first?.role == "navigation")
            #expect(try browser.findAll("header nav [aria-current=page]").filter { try $0.isDisplayed }.count == 1)
        }

        @Test("keyboard shortcuts lead to pages, are listed, and can be turned off")
        func shortcuts() throws {
            let place = try DashboardProcess()
            let browser = try Browser.start()
            try browser.signUp(at: place)
            let keyboard = Keyboard(browser: browser)
            try browser.leave { try keyboard.press("gj") }
            try browser.waitForPage("Projects")
            try browser.leave { try keyboard.press("gt") }
            try browser.waitForPage("API Tokens")
            // While a field has the focus, its letters are text.
            try browser.leave { try keyboard.press("ct") }
            try browser.waitForPage("Create a token")
            try browser.find("#name").click()
            try keyboard.press("gj?")
            #expect(try browser.find("#name").value == "gj?")
            #expect(try !browser.find("#shortcuts").isDisplayed)

            try browser.open(place.url + "/account/tokens")
            try keyboard.press("?")
            let dialog = try browser.find("#shortcuts")
            try browser.wait(for: "the list") { try dialog.isDisplayed }
            #expect(try dialog.text.contains("g t"))
            #expect(try browser.accessibilityProblems() == [])
            // A dialog keeps the keys to itself.
            try keyboard.press("gj")
            #expect(try browser.heading == "API Tokens")
            try browser.find("#use-shortcuts").click()
            try keyboard.press(Key.escape)
            try browser.wait(for: "the closed list") { try !dialog.isDisplayed }
            for _ in 0..<2 {
                try keyboard.press("gj?")
                #expect(try browser.heading == "API Tokens")
                #expect(try !browser.find("#shortcuts").isDisplayed)
                // The choice lasts.
                try browser.reload()
            }
            try browser.find("#show-shortcuts").click()
            try browser.find("#use-shortcuts").click()
            try browser.button("Close").click()
            try browser.leave { try keyboard.press("gj") }
            try browser.waitForPage("Projects")
            #expect(try browser.consoleProblems() == [])
        }

        @Test("without scripts, no page mentions shortcuts or shows a button that does nothing")
        func withoutScripts() throws {
            let place = try DashboardProcess()
            let browser = try Browser.start(javaScript: false)
            try browser.signUp(at: place)
            #expect(try !browser.text.contains("Keyboard shortcuts"))
            let buttons = try browser.findAll("button[type=button]")
            #expect(try buttons.allSatisfy { try !$0.isDisplayed })
        }
    }
}
