import PodstackAPI

/// Takes tokens out of a text that comes from elsewhere, before it is shown.
enum TokenRedaction {
    /// Whatever begins as a token of the service's format does is cut to its public prefix.
    static func redact(_ text: String) -> String {
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
        let text = redact(text)
        return token.withSecret { secret in
            // So short a token is no secret, and taking it out would garble the text.
            guard secret.utf8.count >= 8, text.contains(secret) else { return text }
            return text.split(separator: secret, omittingEmptySubsequences: false).joined(separator: "\(token)")
        }
    }

    static func redact(_ token: APIToken, in value: JSONValue) -> JSONValue {
        switch value {
        case .string(let text): .string(redact(token, in: text))
        case .array(let values): .array(values.map { redact(token, in: $0) })
        case .object(let fields):
            .object(
                Dictionary(fields.map { (redact(token, in: $0), redact(token, in: $1)) }, uniquingKeysWith: { $1 }))
        default: value
        }
    }

    private static func isPart(_ byte: UInt8) -> Bool { Base62.isDigit(byte) || byte == UInt8(ascii: "_") }
}
