/// What can be said to be wrong with a request before its body is there.
enum RequestHead {
    /// - Parameter size: Of the first line and all header fields, as they came.
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
            case "host": hosts += 1
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
        // Two headers that say where the body ends could be read in two ways, by a proxy and by this.
        // Source: RFC 9112, sections 3.2 and 6.3.
        if framing > 1 { return .unclearEnd }
        if hosts > 1 || hosts == 0 && isHTTP11 { return .malformedHeaders }
        guard let length, Int(length) ?? .max > RequestLimits.body else { return nil }
        let waits = headers.contains { $0.name == "expect" && $0.value.lowercased() == "100-continue" }
        return waits || Int(length) ?? .max > RequestLimits.discarded ? .largeBody : nil
    }

    /// Source: RFC 9110, section 5.6.2. A space before the colon is not part of a name.
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
