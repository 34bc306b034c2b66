import Foundation

/// What `scripts/screenshots` has taken pictures of.
enum PicturedPage {
    /// Where they go; nil when none are wanted.
    static let folder = ProcessInfo.processInfo.environment["PODSTACK_SCREENSHOTS"]

    /// Goes from page to page, as a person would, and names each for `picture` when it is there.
    static func visitAll(_ browser: Browser, picture: @escaping (String) throws -> Void) throws {
        try PageTour(browser) { page, _ in try picture(page) }.visitAll()
    }
}
