import PodstackAPI
import PodstackTestSupport
import Testing

extension InBrowser {
    @Suite("On a phone", .timeLimit(.perTest))
    struct PhoneTests {
        @Test("table rows are displayed as labeled cards and remain a table for screen readers")
        func cards() throws {
            let place = try DashboardProcess()
            let browser = try Browser.start(width: 390, height: 844)
            try browser.signUp(at: place)
            _ = try browser.createToken("phone")
            try browser.follow("API Tokens")
            try browser.waitForPage("API Tokens")
            let labels = try browser.execute(
                """
                return [...document.querySelectorAll("tbody td")].map(cell => {
                    const label = getComputedStyle(cell, "::before").content;
                    return label.slice(1, label.indexOf("\\"", 1)) + ": " + cell.innerText.split("\\\\n")[0].slice(0, 11);
                })
                """, as: [String].self)
            #expect(labels.first == "Scopes: Full access")
            #expect(labels.last == "Last used: Never")
            // The cells are stacked.
            #expect(
                try browser.holds(
                    """
                    [...document.querySelectorAll("tbody td")].every((cell, place, all) =>
                        place === 0 || cell.getBoundingClientRect().top
                            >= all[place - 1].getBoundingClientRect().bottom)
                    """))
            let roles = try browser.rolesForScreenReaders()
            #expect(roles.filter { $0 == "table" }.count == 1)
            #expect(roles.filter { $0 == "row" }.count == 2)
            #expect(roles.filter { $0 == "columnheader" }.count == 6)
            #expect(roles.filter { $0 == "rowheader" }.count == 1)
            #expect(roles.filter { $0 == "cell" || $0 == "gridcell" }.count == 5)
        }
    }
}

extension Browser {
    /// Returns the roles of all nodes in the accessibility tree.
    fileprivate func rolesForScreenReaders() throws -> [String] {
        struct Role: Decodable { var value: String }
        struct Node: Decodable {
            var ignored: Bool
            var role: Role?
        }
        struct Tree: Decodable { var nodes: [Node] }
        return try command("Accessibility.getFullAXTree", as: Tree.self).nodes.filter { !$0.ignored }
            .compactMap { $0.role?.value }
    }
}
