import PodstackAPI
import PodstackTestSupport
import Testing

@testable import PodstackServer

extension InBrowser {
    @Suite(
        "Every page, with something in it, with nothing, and after mistakes",
        .enabled(if: PythonOracle.isThere, "scripts/test installs the checkers"))
    struct EveryPageTests {
        /// How much of each table hides beyond its edge, on a screen that is no phone.
        private static let hidden = """
            return [...document.querySelectorAll(".table-scroll")].map(each => each.scrollWidth - each.clientWidth)
            """

        private static let badges = "return [...document.querySelectorAll('.badge')].map(each => each.textContent)"
        /// What the lists of tokens say at a glance.
        private static let expected: [String: Set<String>] = [
            "tokens": ["active", "expires in 6 days", "expires in 7 days", "revoked"],
            "tokens-later": ["active", "never used", "due for rotation", "expired", "revoked"],
            "tokens-done": ["new secret not used yet"],
        ]

        @Test("is valid HTML, accessible in light and dark, quiet in the console and no wider than a phone")
        func everyPage() throws {
            let browser = try Browser.start()
            var known = 0
            let tour = try PageTour(browser) { page, status in
                #expect(try browser.status == status, "\(page)")
                let badges = try browser.execute(Self.badges, as: Set<String>.self)
                #expect(badges.isSuperset(of: Self.expected[page] ?? []), "\(page)")
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
                let hidden = try browser.execute(Self.hidden, as: [Int].self)
                #expect(hidden.filter { $0 > 0 } == [], "\(page)")
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
