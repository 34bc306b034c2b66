import PodstackTestSupport
import Testing

extension InBrowser {
    /// Tests that the checks of pages find problems.
    @Suite(
        "The checks of pages", .enabled(if: PythonOracle.isThere, "scripts/test installs the checkers"),
        .timeLimit(.perTest))
    struct CheckTests {
        func accessibilityProblems(_ body: String, style: String = "", dark: Bool = false) throws -> [String] {
            let server = try PageServer(["/": PageServer.page("A page", body, style: style)])
            let browser = try Browser.start(dark: dark)
            try browser.open(server.url)
            return try browser.accessibilityProblems()
        }

        @Test("the accessibility check finds an image without a text and a field without a label")
        func missingTexts() throws {
            let problems = try accessibilityProblems("<img src='data:,' width=9 height=9><input name=a>")
            #expect(problems.contains { $0.hasPrefix("critical image-alt: ") })
            #expect(problems.contains { $0.hasPrefix("critical label: ") && $0.hasSuffix(" at input") })
        }

        @Test(
            "the accessibility check finds text with too little contrast in the current colors",
            arguments: [false, true])
        func contrast(dark: Bool) throws {
            let style = """
                body { background: white; color: black }
                @media (prefers-color-scheme: dark) { body { background: black } p { color: #333 } }
                """
            let problems = try accessibilityProblems("<p>Read me</p>", style: style, dark: dark)
            #expect(problems.contains { $0.hasPrefix("serious color-contrast: ") && $0.hasSuffix(", at p") } == dark)
        }

        @Test("the accessibility check finds nothing on a correct page")
        func nothing() throws {
            #expect(try accessibilityProblems("<p>Read me</p>") == [])
        }

        @Test(
            "the HTML check finds invalid HTML",
            arguments: [
                ("<div><p>Not closed", "Unclosed element “div”"),
                ("<p>Closed twice</p></p>", "No “p” element in scope"),
                ("<p id=a>A<p id=a>B", "Duplicate ID “a”"),
                ("<button><a href='/'>Link in a button</a></button>", "must not appear as a descendant"),
                ("<p colour=red>Text", "Attribute “colour” not allowed"),
            ])
        func html(body: String, problem: String) throws {
            let problems = try HTMLValidator.problems(in: PageServer.page("A page", body))
            #expect(problems.contains { $0.contains(problem) }, "\(problems)")
        }

        @Test("the HTML check finds nothing in a valid page")
        func rightHTML() throws {
            #expect(try HTMLValidator.problems(in: HarnessTests.form) == [])
        }
    }
}
