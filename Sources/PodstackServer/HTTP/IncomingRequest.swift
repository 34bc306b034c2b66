#if canImport(Glibc)
    import Glibc
#elseif canImport(Musl)
    import Musl
#endif

/// A request, as handlers see it.
struct Request {
    /// A reason to reject a request regardless of its route.
    enum Defect: Sendable {
        case unclearEnd, malformedTarget, malformedHeaders, longURL, largeHeaders, largeBody, malformedChunk, noMemory
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

    /// A request has a header, a parameter or a field twice, so that two programs could read different values.
    struct Repeated: Error {
        /// The kind of the thing, such as "header", and its name as people write it.
        var kind: String
        var name: String
    }

    /// Returns the value of a header that a request may have once.
    ///
    /// - Parameter name: The name, as people write it.
    /// - Returns: The value, or nil if the request does not have it.
    /// - Throws: ``Repeated`` if the request has it twice.
    func onlyHeader(_ name: String) throws(Repeated) -> String? {
        let key = name.lowercased()
        var value: String?
        for header in headers where header.name == key {
            guard value == nil else { throw Repeated(kind: "header", name: name) }
            value = header.value
        }
        return value
    }
}

/// The limits of a request, in bytes unless noted otherwise.
enum RequestLimits {
    static let body = 64 << 10
    /// The bodies of all requests that are arriving or being handled.
    static let allBodies = 32 << 20
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
    /// The lines between chunks; nil if the body does not consist of chunks.
    var chunks: ChunkFraming?
    /// Whether a line with the size of a chunk ended in a bare LF.
    var hasMalformedChunk = false
    /// Whether the bodies of all requests take too much memory, so that this one is not kept.
    private(set) var isRefused = false
    /// A value that is kept alive until the response is sent.
    var held: (any AnyObject & Sendable)?
    /// Set once the request is complete and its response is deferred.
    var deferred: DeferredResponse?
    /// Whether a worker reads the body while it arrives.
    var isStreamed = false
    /// Set once the handler has accepted a streamed body.
    var streamedBody: StreamedBody?
    /// Whether the streamed body has arrived completely.
    var isBodyComplete = false
    /// Whether the lines between the chunks of the body are malformed.
    var hasMalformedChunks: Bool { hasMalformedChunk || chunks?.isMalformed == true }

    init(target: String) { self.target = target }

    /// Appends bytes to the body; returns false if the connection should be closed instead of reading on.
    func append(_ bytes: UnsafeRawBufferPointer) -> Bool {
        guard keeps(bytes.count) else {
            discarded += bytes.count
            body = []
            return discarded <= RequestLimits.discarded
        }
        if body.isEmpty { reserve() }
        body.append(contentsOf: bytes)
        return true
    }

    /// Returns whether the next bytes of the body are kept.
    func keeps(_ count: Int) -> Bool {
        !isRefused && discarded == 0 && body.count + count <= RequestLimits.body
    }

    /// Drops the body, whose request is then refused.
    func refuse() {
        isRefused = true
        body = []
    }

    /// Reserves the memory that the body needs, without which it would grow to twice as much.
    private func reserve() {
        let length = head?.headers.first { $0.name == "content-length" }.flatMap { Int($0.value) }
        guard let length else { return }
        body.reserveCapacity(min(max(length, 0), RequestLimits.body))
    }

    private var bodyDefect: Request.Defect? {
        if hasMalformedChunks { return .malformedChunk }
        return isRefused ? .noMemory : discarded > 0 ? .largeBody : nil
    }

    /// Returns the request for its handler; nil if its head has not arrived.
    func request(from address: ClientAddress) -> Request? { head.map { request(from: address, $0) } }

    /// Returns the request for its handler, with a head that has arrived.
    func request(from address: ClientAddress, _ head: RequestHead) -> Request {
        Request(
            method: head.source.method, path: head.path, query: head.query, headers: head.headers, body: body,
            defect: (isStreamed ? nil : head.defect) ?? bodyDefect
                ?? (head.hasMalformedTarget ? .malformedTarget : nil),
            address: address, head: head)
    }
}
