import PodstackAPI
import PodstackTestSupport
import Testing

@testable import PodstackServer

extension InBrowser {
    @Suite(
        "Every page: with content, empty, and with errors",
        .enabled(if: PythonOracle.isThere, "scripts/test installs the checkers"), .timeLimit(.perTest))
    struct EveryPageTests {
        /// The width by which each table overflows.
        private static let hidden = """
            return [...document.querySelectorAll(".table")].map(each => each.scrollWidth - each.clientWidth)
            """
        /// Widths for a table with columns, a narrow table, cards and a small phone.
        private static let widths = [1280, 1100, 1024, 820, 390, 360, 320]

        private static let badges = "return [...document.querySelectorAll('.badge')].map(each => each.textContent)"
        /// The badges on the token lists.
        private static let expected: [String: Set<String>] = [
            "tokens": ["active", "expires in 6 days", "revoked"],
            "tokens-later": ["active", "never used", "due for rotation", "expired", "revoked"],
            "tokens-done": ["new secret not used yet"],
        ]

        @Test("is valid HTML, accessible, still, without console messages, and not cut off at any width")
        func everyPage() throws {
            let browser = try Browser.start()
            var known = 0
            let tour = try PageTour(browser) { page, status in
                #expect(try browser.status == status, "\(page)")
                let badges = try browser.execute(Self.badges, as: Set<String>.self)
                #expect(badges.isSuperset(of: Self.expected[page] ?? []), "\(page)")
                let problems = try browser.consoleProblems()
                // Chromium logs every response with an error status.
                let unexpected = problems.dropFirst(known).filter {
                    !$0.contains("status of 4") || $0.contains("/assets/")
                }
                #expect(unexpected == [], "\(page)")
                known = problems.count
                let invalid = try HTMLValidator.problems(in: browser.servedHTML())
                #expect(invalid == [], "\(page)")
                #expect(try browser.layoutShift() < 0.05, "\(page)")
                #expect(try browser.movingElements() == [], "\(page)")
                #expect(try browser.accessibilityProblems() == [], "\(page)")
                try browser.prefer(dark: true)
                #expect(try browser.accessibilityProblems() == [], "\(page) in the dark")
                try browser.prefer(dark: false)
                let heading = try browser.heading
                #expect(try browser.title == heading + " · Podstack", "\(page)")
                for width in Self.widths {
                    try browser.resize(width: width, height: 900)
                    let all = try browser.execute("return document.documentElement.scrollWidth", as: Int.self)
                    #expect(all <= width, "\(page)")
                    let hidden = try browser.execute(Self.hidden, as: [Int].self)
                    #expect(hidden.filter { $0 > 0 } == [], "\(page) at \(width)")
                }
                try browser.resize(width: 1280, height: 900)
            }
            try tour.visitAll()
            let missing = try PageTour.routes(of: tour.server.service).filter { route in
                try !tour.requests().contains { route.matches($0) }
            }
            #expect(missing.map(\.description) == [])
        }

        @Test("on a phone, is accessible, still and not cut off, with targets that are large enough for fingers")
        func everyPageOnAPhone() throws {
            let browser = try Browser.start(width: 390, height: 844)
            let tour = try PageTour(browser) { page, _ in
                #expect(try browser.layoutShift() < 0.05, "\(page)")
                let small = try browser.smallTargets()
                #expect(small == [], "\(page)")
                for isDark in [false, true] {
                    try browser.prefer(dark: isDark)
                    #expect(try browser.accessibilityProblems() == [], "\(page) \(isDark ? "in the dark" : "")")
                }
                let width = try browser.execute("return document.documentElement.scrollWidth", as: Int.self)
                #expect(width <= 390, "\(page)")
            }
            try tour.visitAll()
        }

        @Test("the first pages have less than 50 KB, including everything that they load")
        func weight() throws {
            let place = try DashboardProcess()
            let browser = try Browser.start()
            try browser.signUp(at: place)
            for number in 1...5 {
                _ = try browser.createToken("Number \(number)")
                try browser.follow("API Tokens")
            }
            #expect(try browser.weight() < 50_000)
            try browser.press("Sign out")
            #expect(try browser.weight() < 50_000)
        }
    }
}

extension Browser {
    /// Emulates the preference for dark or light colors.
    fileprivate func prefer(dark: Bool) throws {
        let feature: JSONValue = ["name": "prefers-color-scheme", "value": dark ? "dark" : "light"]
        try command("Emulation.setEmulatedMedia", ["features": .array([feature])])
    }

    fileprivate func resize(width: Int, height: Int) throws {
        try command(
            "Emulation.setDeviceMetricsOverride",
            [
                "width": .integer(width), "height": .integer(height), "deviceScaleFactor": 1, "mobile": .bool(false),
            ])
    }

    /// Returns the size of the page and of everything that it loaded, before compression, in bytes.
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
