/// An amount of money, in millionths of the service's currency.
///
/// In JSON it is a number, such as `2.5`. The service computes with whole millionths, so no amount is rounded twice.
///
/// ```swift
/// let limit: Amount = 2.5
/// print(limit)  // 2.50
/// ```
public struct Amount: Sendable, Hashable, Comparable {
    /// The amount in millionths: 2,500,000 for 2.5.
    public var millionths: Int64

    /// Creates an amount from millionths.
    ///
    /// - Parameter millionths: The amount in millionths: 2,500,000 for 2.5.
    public init(millionths: Int64) { self.millionths = millionths }

    /// Creates an amount from a number, rounded to millionths.
    ///
    /// - Parameter value: The amount; nil results if it is not finite or exceeds 4,000,000,000.
    public init?(_ value: Double) {
        guard value.isFinite, value.magnitude <= Self.maximum else { return nil }
        millionths = Int64((value * 1_000_000).rounded())
    }

    /// Parses an amount such as `2.50` exactly; nil if the text has another form or more than six decimals.
    ///
    /// - Parameter text: Digits, with a decimal point and a minus sign if there are any.
    package init?(text: String) {
        let isNegative = text.hasPrefix("-")
        let parts = text.dropFirst(isNegative ? 1 : 0).split(separator: ".", omittingEmptySubsequences: false)
        guard (1...2).contains(parts.count), parts.allSatisfy({ !$0.isEmpty }),
            parts.joined().utf8.allSatisfy({ (0x30...0x39).contains($0) }), parts[0].utf8.count <= 10,
            let whole = Int64(parts[0])
        else { return nil }
        let fraction = parts.count == 2 ? parts[1] : ""
        guard fraction.utf8.count <= 6,
            let rest = Int64(fraction + String(repeating: "0", count: 6 - fraction.utf8.count)),
            whole <= Int64(Self.maximum)
        else { return nil }
        millionths = (whole * 1_000_000 + rest) * (isNegative ? -1 : 1)
    }

    /// The largest valid amount: up to it, a JSON number distinguishes neighboring millionths.
    package static let maximum = 4_000_000_000.0

    /// No money.
    public static let zero = Amount(millionths: 0)

    /// The amount as a floating-point number, for calculations that may round.
    public var doubleValue: Double { Double(millionths) / 1_000_000 }

    /// Returns whether one amount is less than another.
    ///
    /// - Parameters:
    ///   - left: An amount.
    ///   - right: Another amount.
    /// - Returns: Whether the first one is less.
    public static func < (left: Amount, right: Amount) -> Bool { left.millionths < right.millionths }

    /// Returns the sum of two amounts, limited to the range of the type.
    ///
    /// - Parameters:
    ///   - left: An amount.
    ///   - right: Another amount.
    /// - Returns: The sum.
    public static func + (left: Amount, right: Amount) -> Amount {
        let (sum, overflow) = left.millionths.addingReportingOverflow(right.millionths)
        return Amount(millionths: overflow ? (left.millionths < 0 ? .min : .max) : sum)
    }

    /// Returns the difference of two amounts, limited to the range of the type.
    ///
    /// - Parameters:
    ///   - left: An amount.
    ///   - right: The amount that is subtracted.
    /// - Returns: The difference.
    public static func - (left: Amount, right: Amount) -> Amount {
        let (difference, overflow) = left.millionths.subtractingReportingOverflow(right.millionths)
        return Amount(millionths: overflow ? (left.millionths < 0 ? .min : .max) : difference)
    }
}

extension Amount: ExpressibleByFloatLiteral, ExpressibleByIntegerLiteral {
    /// Creates an amount from a literal such as `2.5`.
    ///
    /// - Parameter value: The amount; a literal beyond the range of the type becomes the nearest amount.
    public init(floatLiteral value: Double) {
        self.init(millionths: Int64((min(max(value, -Self.maximum), Self.maximum) * 1_000_000).rounded()))
    }

    /// Creates an amount from a literal such as `5`.
    ///
    /// - Parameter value: The amount; a literal beyond the range of the type becomes the nearest amount.
    public init(integerLiteral value: Int) { self.init(floatLiteral: Double(value)) }
}

extension Amount: CustomStringConvertible {
    /// The amount with at least two decimals, such as `2.50` or `0.000694`.
    public var description: String {
        let magnitude = millionths.magnitude
        var fraction = String(magnitude % 1_000_000)
        fraction = String(repeating: "0", count: 6 - fraction.count) + fraction
        while fraction.count > 2, fraction.hasSuffix("0") { fraction.removeLast() }
        return (millionths < 0 ? "-" : "") + "\(magnitude / 1_000_000).\(fraction)"
    }
}

extension Amount: Codable {
    /// Decodes a JSON number.
    ///
    /// - Parameter decoder: The decoder to read from.
    /// - Throws: `DecodingError` if the value is not a number in the range of the type.
    public init(from decoder: any Decoder) throws {
        let container = try decoder.singleValueContainer()
        guard let amount = Amount(try container.decode(Double.self)) else {
            throw DecodingError.dataCorruptedError(in: container, debugDescription: "the amount is out of range")
        }
        self = amount
    }

    /// Encodes the amount as a JSON number.
    ///
    /// - Parameter encoder: The encoder to write to.
    /// - Throws: `EncodingError` if the encoder cannot represent the number.
    public func encode(to encoder: any Encoder) throws {
        var container = encoder.singleValueContainer()
        if millionths % 1_000_000 == 0 {
            try container.encode(millionths / 1_000_000)
        } else {
            try container.encode(doubleValue)
        }
    }
}
