import Foundation
import PodstackTestSupport
import Testing

extension InBrowser {
    /// Takes the screenshots for `scripts/screenshots`; it checks nothing.
    @Suite(
        "Screenshots of every page", .enabled(if: PicturedPage.folder != nil, "scripts/screenshots takes them"),
        .timeLimit(.perTest))
    struct ScreenshotTests {
        struct Look: Sendable, CustomTestStringConvertible {
            var testDescription: String
            var dark = false
            var width = 1280
            var height = 900
        }

        static let looks = [
            Look(testDescription: "light"), Look(testDescription: "dark", dark: true),
            Look(testDescription: "narrow", width: 390, height: 844),
        ]

        @Test("takes a screenshot of every page", arguments: looks)
        func take(look: Look) throws {
            let folder = try #require(PicturedPage.folder)
            try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
            let browser = try Browser.start(dark: look.dark, width: look.width, height: look.height)
            try PicturedPage.visitAll(browser) { name in
                try browser.screenshot(to: "\(folder)/\(name)-\(look.testDescription).png")
            }
        }
    }
}
