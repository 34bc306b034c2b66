import Synchronization

#if canImport(Glibc)
    import Glibc
#elseif canImport(Musl)
    import Musl
#elseif canImport(Darwin)
    import Darwin
#endif

/// The head of a request, parsed and checked before its body arrives.
///
/// A client usually sends the same head again and again, so each connection keeps its last one.
final class RequestHead: Sendable {
    /// A head as it was received.
    struct Source: Sendable {
        var method: String
        /// The target as it is written in the first line.
        var target: String
        var isHTTP11: Bool
        /// The bytes of the first line and all header fields.
        var size: Int
        var fields: HeaderFields
        /// Whether a field continues on another line.
        var hasFoldedField = false
    }

    let source: Source
    /// The decoded path, without the query.
    let path: String
    /// The decoded items of the query, in order.
    let query: [(name: String, value: String)]
    /// The header fields in order; names are in lower case.
    let headers: [(name: String, value: String)]
    /// The first defect, for which a request is rejected before its body arrives.
    let defect: Request.Defect?
    let hasMalformedTarget: Bool
    /// Whether the body consists of chunks.
    let isChunked: Bool
    /// A value that the handler derives from the head and needs again for the next request.
    let memo = Mutex<(any AnyObject & Sendable)?>(nil)

    init(_ source: Source) {
        self.source = source
        headers = source.fields.parsed
        let target = RequestTarget(source.target)
        (path, query, hasMalformedTarget) = (target.path, target.query, target.isMalformed)
        isChunked = headers.contains { $0.name == "transfer-encoding" }
        let defect = Self.defect(
            target: source.target, size: source.size, isHTTP11: source.isHTTP11, headers: headers)
        self.defect = defect ?? (source.hasFoldedField ? .malformedHeaders : nil)
    }

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
                guard !value.isEmpty, value.utf8.allSatisfy({ (0x30...0x39).contains($0) }) else { return .unclearEnd }
                length = value
            case "transfer-encoding":
                framing += 1
                // HTTP/1.0 has no chunks, so another program would not look for them: RFC 9112, section 6.1.
                guard isHTTP11, value.lowercased() == "chunked" else { return .unclearEnd }
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

// MARK: - Fields

/// The header fields of a request as bytes, which are cheap to collect and to compare.
struct HeaderFields: Sendable, Equatable {
    /// The sizes of name and value, in the byte order of the machine, and then both, for each field.
    private var bytes: [UInt8] = []

    var size: Int { bytes.count }

    static func == (first: HeaderFields, second: HeaderFields) -> Bool {
        first.bytes.withUnsafeBytes { first in
            second.bytes.withUnsafeBytes { second in
                guard first.count == second.count else { return false }
                guard let start = first.baseAddress, let other = second.baseAddress else { return true }
                return memcmp(start, other, first.count) == 0
            }
        }
    }

    /// Appends a field, whose name and value have less than 4 GiB.
    mutating func append(_ name: UnsafeRawBufferPointer, _ value: UnsafeRawBufferPointer) {
        withUnsafeBytes(of: UInt64(name.count) << 32 | UInt64(value.count)) { bytes.append(contentsOf: $0) }
        bytes.append(contentsOf: name)
        bytes.append(contentsOf: value)
    }

    /// Removes all fields; keeps the memory for the next ones.
    mutating func removeAll() { bytes.removeAll(keepingCapacity: true) }

    /// The fields in order; names are in lower case, and values without the white space around them.
    ///
    /// The fields that say where the body ends keep it: libmicrohttpd does not remove it before it reads them.
    var parsed: [(name: String, value: String)] {
        var fields: [(name: String, value: String)] = []
        fields.reserveCapacity(8)
        bytes.withUnsafeBytes { bytes in
            var start = 0
            while start < bytes.count {
                let sizes = bytes.loadUnaligned(fromByteOffset: start, as: UInt64.self)
                let name = start + MemoryLayout<UInt64>.size
                let value = name + Int(sizes >> 32)
                start = value + Int(sizes & 0xFFFF_FFFF)
                let text = Self.name(bytes[name..<value])
                let isFraming = text == "transfer-encoding" || text == "content-length"
                let range = bytes[value..<start]
                fields.append((text, isFraming ? String(decoding: range, as: UTF8.self) : Self.value(range)))
            }
        }
        return fields
    }

    private static func name(_ bytes: Slice<UnsafeRawBufferPointer>) -> String {
        String(unsafeUninitializedCapacity: bytes.count) { name in
            for (index, byte) in bytes.enumerated() {
                name[index] = byte >= 0x41 && byte <= 0x5A ? byte | 0x20 : byte
            }
            return bytes.count
        }
    }

    /// Source: RFC 9110, section 5.5.
    private static func value(_ bytes: Slice<UnsafeRawBufferPointer>) -> String {
        var bytes = bytes
        // libmicrohttpd removes the white space before a value, but not that after it.
        while bytes.last == 0x20 || bytes.last == 0x09 { bytes.removeLast() }
        return String(decoding: bytes, as: UTF8.self)
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
