/// What somebody is told who has to wait.
enum TryAgain {
    /// - Parameter seconds: How long.
    static func sentence(_ why: String, after seconds: Int64) -> String {
        "\(why) Try again in \(seconds) second\(seconds == 1 ? "" : "s")."
    }
}
