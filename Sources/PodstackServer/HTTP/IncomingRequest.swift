#if canImport(Glibc)
    import Glibc
#elseif canImport(Musl)
    import Musl
#endif

/// A request, as handlers see it.
struct Request {
    /// A reason to reject a request regardless of its route.
    enum Defect: Sendable {
        case unclearEnd, malformedTarget, malformedHeaders, longURL, largeHeaders, largeBody, malformedChunk
    }

    var method: String
    /// The decoded path, without the query.
    var path: String
    /// The decoded items of the query, in order; an item without `=` has an empty value.
    var query: [(name: String, value: String)] = []
    /// The header fields in order, repeats included; names are in lower case.
    var headers: [(name: String, value: String)] = []
    var body: [UInt8] = []
    var defect: Defect?
    var address = ClientAddress.unknown
    /// The head that the other values come from, if the request arrived on a connection.
    var head: RequestHead?

    /// Returns the first value of a header, whose name must be in lower case.
    func header(_ name: String) -> String? { headers.first { $0.name == name }?.value }

    func query(_ name: String) -> String? { query.first { $0.name == name }?.value }
}

/// The limits of a request, in bytes unless noted otherwise.
enum RequestLimits {
    static let body = 64 << 10
    /// The first line and all header fields.
    static let head = 16 << 10
    /// The number of header fields.
    static let headers = 100
    static let url = 4 << 10
    /// The part of a too large body that is read before the response, so that most clients receive the response.
    static let discarded = 1 << 20
    /// The seconds that a request may take to arrive.
    static let seconds = 30
}

// MARK: - Arrival

/// A request that is still arriving or waits for its response.
///
/// Only the event thread of its connection uses it.
final class IncomingRequest {
    /// The target as it is written in the first line.
    let target: String
    /// Set once the head has arrived.
    var head: RequestHead?
    private var body: [UInt8] = []
    /// The bytes of a too large body, which are not kept.
    private var discarded = 0
    /// Whether a line with the size of a chunk ended in a bare LF.
    var hasMalformedChunk = false
    /// A value that is kept alive until the response is sent.
    var held: (any AnyObject & Sendable)?
    /// Set once the request is complete and its response is deferred.
    var deferred: DeferredResponse?

    init(target: String) { self.target = target }

    /// Appends bytes to the body; returns false if the connection should be closed instead of reading on.
    func append(_ bytes: UnsafeRawBufferPointer) -> Bool {
        guard discarded == 0, body.count + bytes.count <= RequestLimits.body else {
            discarded += bytes.count
            body = []
            return discarded <= RequestLimits.discarded
        }
        body.append(contentsOf: bytes)
        return true
    }

    private var bodyDefect: Request.Defect? {
        hasMalformedChunk ? .malformedChunk : discarded > 0 ? .largeBody : nil
    }

    /// Returns the request for its handler; nil if its head has not arrived.
    func request(from address: ClientAddress) -> Request? { head.map { request(from: address, $0) } }

    /// Returns the request for its handler, with a head that has arrived.
    func request(from address: ClientAddress, _ head: RequestHead) -> Request {
        Request(
            method: head.source.method, path: head.path, query: head.query, headers: head.headers, body: body,
            defect: head.defect ?? bodyDefect ?? (head.hasMalformedTarget ? .malformedTarget : nil), address: address,
            head: head)
    }
}
