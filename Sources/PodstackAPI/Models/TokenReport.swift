/// The body of `POST /v1/tokens/report`: tokens that were found where they should not be.
public struct TokenReport: Encodable, Sendable {
    /// The most that one report may hold.
    public static let most = 1000

    /// Whole tokens: holding one is the proof.
    public var tokens: [String]

    public init(tokens: [String]) { self.tokens = tokens }
}
