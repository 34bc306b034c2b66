/// A request that is still coming in, or waits for its answer. Only the thread of its connection looks at it.
final class IncomingRequest {
    /// As it stands in the first line.
    let target: String
    /// Set when the head has come.
    var method: String?
    /// Names in lower case.
    var headers: [(name: String, value: String)] = []
    private var body: [UInt8] = []
    /// More of the body than may be, and not kept.
    private var discarded = 0
    /// The whole request is there, and somebody works on its answer.
    var deferral: Deferral?

    init(target: String) { self.target = target }

    /// False when there is no use in reading on.
    func take(_ bytes: UnsafeRawBufferPointer) -> Bool {
        guard discarded == 0, body.count + bytes.count <= RequestLimits.body else {
            discarded += bytes.count
            body = []
            return discarded <= RequestLimits.discarded
        }
        body.append(contentsOf: bytes)
        return true
    }

    /// - Parameter defect: What was wrong with the head.
    func request(from address: ClientAddress, defect: Request.Defect? = nil) -> Request {
        let target = RequestTarget(target)
        var request = Request(
            method: method ?? "", path: target.path, query: target.query, headers: headers, body: body,
            defect: defect ?? (discarded > 0 ? .largeBody : target.isMalformed ? .malformedTarget : nil))
        request.address = address
        return request
    }
}
