import Foundation

/// The screenshots of `scripts/screenshots`.
enum PicturedPage {
    /// The folder for the screenshots; nil if none are wanted.
    static let folder = ProcessInfo.processInfo.environment["PODSTACK_SCREENSHOTS"]

    /// Visits every page and calls `picture` with its name.
    static func visitAll(_ browser: Browser, picture: @escaping (String) throws -> Void) throws {
        try PageTour(browser) { page, _ in try picture(page) }.visitAll()
    }
}
