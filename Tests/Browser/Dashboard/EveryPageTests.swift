import PodstackAPI
import PodstackTestSupport
import Testing

@testable import PodstackServer

extension InBrowser {
    @Suite(
        "Every page, with something in it, with nothing, and after mistakes",
        .enabled(if: PythonOracle.isThere, "scripts/test installs the checkers"))
    struct EveryPageTests {
        @Test("is valid HTML, accessible in light and dark, quiet in the console and no wider than a phone")
        func everyPage() throws {
            let browser = try Browser.start()
            var known = 0
            let tour = try PageTour(browser) { page, status in
                #expect(try browser.status == status, "\(page)")
                let problems = try browser.consoleProblems()
                // Chromium finds a page that refuses something worth an entry.
                let unexpected = problems.dropFirst(known).filter {
                    !$0.contains("status of 4") || $0.contains("/assets/")
                }
                #expect(unexpected == [], "\(page)")
                known = problems.count
                #expect(try HTMLValidator.problems(in: browser.servedHTML()) == [], "\(page)")
                #expect(try browser.accessibilityProblems() == [], "\(page)")
                try browser.prefer(dark: true)
                #expect(try browser.accessibilityProblems() == [], "\(page) in the dark")
                try browser.prefer(dark: false)
                #expect(try browser.isNoWiderThanPhone(), "\(page)")
            }
            try tour.visitAll()
            let missing = try PageTour.routes(of: tour.server.service).filter { route in
                try !tour.requests().contains { route.matches($0) }
            }
            #expect(missing.map(\.description) == [])
        }

        @Test("the first pages weigh less than 50 KB, each with all that it loads")
        func weight() throws {
            let place = try DashboardProcess()
            let browser = try Browser.start()
            try browser.signUp(at: place)
            for number in 1...5 {
                _ = try browser.createToken("Number \(number)")
                try browser.follow("All tokens")
            }
            #expect(try browser.weight() < 50_000)
            try browser.press("Sign out")
            #expect(try browser.weight() < 50_000)
        }
    }
}

extension Browser {
    /// What the page is told of the person's preference from now on.
    fileprivate func prefer(dark: Bool) throws {
        let feature: JSONValue = ["name": "prefers-color-scheme", "value": dark ? "dark" : "light"]
        try command("Emulation.setEmulatedMedia", ["features": .array([feature])])
    }

    /// Whether nothing sticks out of the page where it is as narrow as a phone.
    fileprivate func isNoWiderThanPhone() throws -> Bool {
        try resize(width: 390, height: 844)
        let width = try execute("return document.documentElement.scrollWidth", as: Int.self)
        try resize(width: 1280, height: 900)
        return width <= 390
    }

    private func resize(width: Int, height: Int) throws {
        try command(
            "Emulation.setDeviceMetricsOverride",
            [
                "width": .integer(width), "height": .integer(height), "deviceScaleFactor": 1, "mobile": .bool(false),
            ])
    }

    /// The bytes of the page and of everything that it loaded, before compression.
    fileprivate func weight() throws -> Int {
        try execute(
            """
            const named = [...document.querySelectorAll("link[href], script[src]")].map(each => each.href || each.src);
            const loaded = performance.getEntriesByType("resource").map(entry => entry.name);
            const all = [...new Set([location.href, ...named, ...loaded])];
            return Promise.all(all.map(each => fetch(each).then(answer => answer.arrayBuffer())))
                .then(bodies => bodies.reduce((sum, body) => sum + body.byteLength, 0));
            """, as: Int.self)
    }
}
