import PodstackAPI

/// A cell with a number, aligned with the numbers above and below it.
struct AmountCell<Content: HTML>: Component {
    private let label: String
    private let content: Content

    init(_ label: String, @HTMLBuilder content: () -> Content) {
        self.label = label
        self.content = content()
    }

    var body: some HTML { Element("td", .class("amount"), .role("cell"), .data("data-label", label)) { content } }
}

extension Column {
    /// Returns the column of an ``AmountCell``.
    static func amount(_ title: String) -> Column { Column(title, style: "amount") }
}

extension Amount {
    /// The amount with two decimals, or with more if it would otherwise be displayed as zero.
    var displayText: String {
        if millionths == 0 { return "0.00" }
        let unit: Int64 = millionths.magnitude >= 10_000 ? 10_000 : millionths.magnitude >= 100 ? 100 : 1
        let (quotient, remainder) = millionths.quotientAndRemainder(dividingBy: unit)
        let rounded = remainder.magnitude * 2 >= UInt64(unit) ? quotient + millionths.signum() : quotient
        return Amount(millionths: rounded * unit).description
    }
}

/// Words for lengths of time.
enum DurationWords {
    /// Returns a text such as `2 h 30 min`, of the two largest units that are not zero.
    static func text(seconds: Int64) -> String {
        let units: [(length: Int64, name: String)] = [(86_400, "d"), (3600, "h"), (60, "min"), (1, "s")]
        var (rest, parts) = (max(0, seconds), [String]())
        for unit in units where parts.count < 2 {
            let count = rest / unit.length
            rest %= unit.length
            if count > 0 { parts.append("\(count) \(unit.name)") } else if !parts.isEmpty { break }
        }
        return parts.isEmpty ? "0 s" : parts.joined(separator: " ")
    }
}
