import PodstackAPI

/// Takes tokens out of a text that comes from elsewhere, before it is shown.
package enum TokenRedaction {
    /// Whatever begins as a token of the service's format does is cut to its public prefix.
    package static func redact(_ text: String) -> String {
        let scheme = Array("podstack_".utf8)
        let prefixLength = scheme.count + TokenFormat.idLength
        let bytes = Array(text.utf8)
        var output: [UInt8] = []
        var index = 0
        while index < bytes.count {
            guard bytes[index...].starts(with: scheme) else {
                output.append(bytes[index])
                index += 1
                continue
            }
            let end = bytes[(index + scheme.count)...].firstIndex { !isPart($0) } ?? bytes.count
            output += bytes[index..<min(end, index + prefixLength)]
            if end > index + prefixLength { output += Array("…".utf8) }
            index = end
        }
        return String(decoding: output, as: UTF8.self)
    }

    /// The same, and takes one token of whatever shape out.
    static func redact(_ token: APIToken, in text: String) -> String {
        // First the whole token: what stands in it may look like another.
        redact(token.withSecret { replace(Array($0.utf8), by: "\(token)", in: text) })
    }

    /// By bytes: to a `String`, a token is not there when a combining mark follows it.
    private static func replace(_ secret: [UInt8], by shown: String, in text: String) -> String {
        // So short a token is no secret, and taking it out would garble the text.
        guard secret.count >= 8 else { return text }
        let bytes = Array(text.utf8)
        var output: [UInt8] = []
        var index = 0
        while index < bytes.count {
            if bytes[index] == secret[0], bytes[index...].starts(with: secret) {
                output += shown.utf8
                index += secret.count
            } else {
                output.append(bytes[index])
                index += 1
            }
        }
        return String(decoding: output, as: UTF8.self)
    }

    static func redact(_ token: APIToken, in value: JSONValue) -> JSONValue {
        switch value {
        case .string(let text): .string(redact(token, in: text))
        case .array(let values): .array(values.map { redact(token, in: $0) })
        case .object(let fields): .object(redact(token, in: fields))
        default: value
        }
    }

    /// In the names of the fields too.
    static func redact(_ token: APIToken, in fields: [String: JSONValue]) -> [String: JSONValue] {
        Dictionary(fields.map { (redact(token, in: $0), redact(token, in: $1)) }, uniquingKeysWith: { $1 })
    }

    private static func isPart(_ byte: UInt8) -> Bool { Base62.isDigit(byte) || byte == UInt8(ascii: "_") }
}
