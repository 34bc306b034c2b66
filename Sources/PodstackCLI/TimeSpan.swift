/// A length of time as people type it: `90s`, `30m`, `1h`, `7d`.
enum TimeSpan {
    static func parse(_ text: String) throws(UsageError) -> Duration {
        let units: [Character: Int64] = ["s": 1, "m": 60, "h": 3600, "d": 86_400]
        guard let unit = text.last.flatMap({ units[$0] }), let count = Int64(text.dropLast()),
            (0...100_000_000).contains(count)
        else { throw UsageError("\"\(text)\" is no time: 90s, 30m, 1h or 7d") }
        return .seconds(count * unit)
    }
}
