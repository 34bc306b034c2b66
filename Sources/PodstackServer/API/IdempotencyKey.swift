import PodstackCryptography

/// What makes a `POST` the repeat of another: the caller's key, of the same token, for the same request.
struct IdempotencyKey: Sendable {
    var tokenID: String
    var text: String
    /// Of everything in the request that its answer depends on.
    var requestHash: [UInt8]

    /// Nil when the request has none, or nobody to whom it could belong.
    init?(of exchange: Exchange) throws {
        let request = exchange.request
        let keys = request.headers.filter { $0.name == "idempotency-key" }
        guard request.method == "POST", let tokenID = exchange.identity?.token.id, let key = keys.first?.value else {
            return nil
        }
        guard keys.count == 1, (1...255).contains(key.utf8.count), key.utf8.allSatisfy({ (0x21...0x7E).contains($0) })
        else {
            throw ErrorResponse.badRequest(
                "Idempotency-Key must be given once, as 1 to 255 visible characters of ASCII")
        }
        self.tokenID = tokenID
        text = key
        var hashed: [UInt8] = []
        for part in [request.path, request.header("x-project-id") ?? ""] { hashed += Array(part.utf8) + [0] }
        requestHash = Sodium.sha256(hashed + request.body)
    }
}

extension ErrorResponse {
    static let keyReused = ErrorResponse(
        status: 422, code: .idempotencyKeyReused,
        message: "This Idempotency-Key was used for another request: make a new key for a new request")

    static let stillRunning = ErrorResponse(
        status: 409, code: .idempotencyKeyReused,
        message: "The request with this Idempotency-Key is still running: repeat it in a moment",
        headers: [("Retry-After", "1")])
}
