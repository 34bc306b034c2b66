/// What a request may be at most, in bytes where nothing else is said.
enum RequestLimits {
    static let body = 64 << 10
    /// Of all header fields and the first line.
    static let head = 16 << 10
    /// Header fields.
    static let headers = 100
    static let url = 4 << 10
    /// Of a body that is too large this much is read before the answer, so that most clients get to see it.
    static let discarded = 1 << 20
    /// Seconds that a request may take to arrive.
    static let time = 30
}
