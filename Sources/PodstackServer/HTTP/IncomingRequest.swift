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
    var method: String?
    /// The header fields; names are in lower case.
    var headers: [(name: String, value: String)] = []
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
        guard let length = headers.first(where: { $0.name == "content-length" }).flatMap({ Int($0.value) }) else {
            return
        }
        body.reserveCapacity(min(max(length, 0), RequestLimits.body))
    }

    private var bodyDefect: Request.Defect? {
        if hasMalformedChunk || chunks?.isMalformed == true { return .malformedChunk }
        return isRefused ? .noMemory : discarded > 0 ? .largeBody : nil
    }

    /// Returns the request for its handler.
    ///
    /// - Parameters:
    ///   - address: The address of the client.
    ///   - defect: The defect of the head, if it has one.
    /// - Returns: The request.
    func request(from address: ClientAddress, defect: Request.Defect? = nil) -> Request {
        let target = RequestTarget(target)
        var request = Request(
            method: method ?? "", path: target.path, query: target.query, headers: headers, body: body,
            defect: defect ?? bodyDefect ?? (target.isMalformed ? .malformedTarget : nil))
        request.address = address
        return request
    }
}

/// Creates strings from the bytes of header fields.
enum HeaderText {
    /// Returns a name in lower case.
    static func name(_ bytes: UnsafePointer<CChar>) -> String {
        let length = strlen(bytes)
        return String(unsafeUninitializedCapacity: length) { name in
            for index in 0..<length {
                let byte = UInt8(bitPattern: bytes[index])
                name[index] = byte >= 0x41 && byte <= 0x5A ? byte | 0x20 : byte
            }
            return length
        }
    }

    static func value(_ bytes: UnsafePointer<CChar>?, _ count: Int) -> String {
        guard let bytes else { return "" }
        // libmicrohttpd removes the blanks before a value, but not those after it. Source: RFC 9110, section 5.5.
        var count = count
        while count > 0, bytes[count - 1] == 0x20 || bytes[count - 1] == 0x09 { count -= 1 }
        return String(decoding: UnsafeRawBufferPointer(start: bytes, count: count), as: UTF8.self)
    }
}

/// Checks a request before its body arrives.
enum RequestHead {
    /// Checks a head.
    ///
    /// - Parameters:
    ///   - target: The target as it is written in the first line.
    ///   - size: The bytes of the first line and all header fields, as they were received.
    ///   - isHTTP11: Whether the request is HTTP/1.1.
    ///   - headers: The header fields; names are in lower case.
    /// - Returns: The first defect, or nil.
    static func defect(
        target: String, size: Int, isHTTP11: Bool, headers: [(name: String, value: String)]
    ) -> Request.Defect? {
        if target.utf8.count > RequestLimits.url { return .longURL }
        if size > RequestLimits.head || headers.count > RequestLimits.headers { return .largeHeaders }
        var hosts = 0
        var framing = 0
        var length: String?
        for (name, value) in headers {
            switch name {
            case "host":
                hosts += 1
                guard value.isEmpty || PublicURL.isHost(value) else { return .malformedHeaders }
            case "content-length":
                framing += 1
                length = value
            case "transfer-encoding":
                framing += 1
                guard value.lowercased() == "chunked" else { return .unclearEnd }
            case let name where !isToken(name): return .malformedHeaders
            default: break
            }
        }
        // A proxy and this service could disagree about which of two such headers says where the body ends.
        // Source: RFC 9112, sections 3.2 and 6.3.
        if framing > 1 { return .unclearEnd }
        if hosts > 1 || hosts == 0 && isHTTP11 { return .malformedHeaders }
        guard let length, Int(length) ?? .max > RequestLimits.body else { return nil }
        let waits = headers.contains { $0.name == "expect" && $0.value.lowercased() == "100-continue" }
        return waits || Int(length) ?? .max > RequestLimits.discarded ? .largeBody : nil
    }

    /// Returns whether a header name is valid.
    ///
    /// A space before the colon is not part of a name.
    ///
    /// Source: RFC 9110, section 5.6.2.
    private static func isToken(_ name: String) -> Bool {
        !name.isEmpty
            && name.utf8.allSatisfy { byte in
                switch byte {
                case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "-"), UInt8(ascii: "0")...UInt8(ascii: "9"),
                    UInt8(ascii: "_"), UInt8(ascii: "!"), UInt8(ascii: "."), UInt8(ascii: "~"), UInt8(ascii: "^"),
                    UInt8(ascii: "`"), UInt8(ascii: "|"), UInt8(ascii: "+"), UInt8(ascii: "*"),
                    UInt8(ascii: "#")...UInt8(ascii: "'"):
                    true
                default: false
                }
            }
    }
}

// MARK: - Target

/// The target of a request, between its method and its version, decoded once.
///
/// Source: RFC 9112, section 3.2, and RFC 3986, section 2.
struct RequestTarget {
    /// The path without the query.
    ///
    /// An encoded slash is rejected, so a slash always separates two segments.
    var path = ""
    /// The items of the query, in order; an item without `=` has an empty value.
    var query: [(name: String, value: String)] = []
    /// Whether the target is not a valid URL, or contains a NUL, after which C code would drop the rest.
    var isMalformed = false

    init(_ text: String) {
        let bytes = text.utf8
        let end = bytes.firstIndex(of: UInt8(ascii: "?")) ?? bytes.endIndex
        path = decoded(Self.withoutAuthority(text[..<end]), isQuery: false)
        guard end < bytes.endIndex else { return }
        for item in text[bytes.index(after: end)...].utf8.split(separator: UInt8(ascii: "&")) {
            let parts = item.split(separator: UInt8(ascii: "="), maxSplits: 1, omittingEmptySubsequences: false)
            let value = parts.count == 2 ? decoded(Substring(parts[1]), isQuery: true) : ""
            query.append((decoded(Substring(parts[0]), isQuery: true), value))
        }
    }

    /// Removes the scheme and host: clients send whole URLs to proxies, and every server has to accept them.
    private static func withoutAuthority(_ text: Substring) -> Substring {
        guard !text.hasPrefix("/") else { return text }
        for scheme in ["http://", "https://"] where text.prefix(scheme.utf8.count).lowercased() == scheme {
            let rest = text.dropFirst(scheme.count)
            return rest.firstIndex(of: "/").map { rest[$0...] } ?? "/"
        }
        return text
    }

    private mutating func decoded(_ text: Substring, isQuery: Bool) -> String {
        let percent = UInt8(ascii: "%")
        let plus = UInt8(ascii: "+")
        // A target consists of printable ASCII; other characters must be percent-encoded.
        guard text.utf8.allSatisfy({ (0x21...0x7E).contains($0) }) else {
            isMalformed = true
            return ""
        }
        guard text.utf8.contains(where: { $0 == percent || isQuery && $0 == plus }) else { return String(text) }
        var bytes: [UInt8] = []
        var rest = text.utf8
        while let byte = rest.popFirst() {
            if byte == percent {
                guard let high = Self.digit(rest.popFirst()), let low = Self.digit(rest.popFirst()) else {
                    isMalformed = true
                    return ""
                }
                let value = high << 4 | low
                if value == 0 || !isQuery && value == UInt8(ascii: "/") { isMalformed = true }
                bytes.append(value)
            } else {
                bytes.append(isQuery && byte == plus ? UInt8(ascii: " ") : byte)
            }
        }
        guard let decoded = String(validating: bytes, as: UTF8.self) else {
            isMalformed = true
            return ""
        }
        return decoded
    }

    private static func digit(_ byte: UInt8?) -> UInt8? {
        switch byte {
        case let byte? where (0x30...0x39).contains(byte): byte - 0x30
        case let byte? where (0x41...0x46).contains(byte): byte - 0x41 + 10
        case let byte? where (0x61...0x66).contains(byte): byte - 0x61 + 10
        default: nil
        }
    }
}
