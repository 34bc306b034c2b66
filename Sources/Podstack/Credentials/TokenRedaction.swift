import PodstackAPI

/// Removes tokens from text that came from elsewhere.
package enum TokenRedaction {
    /// Returns the text with every token in the service's format cut to its public prefix.
    ///
    /// - Parameter text: Any text.
    /// - Returns: The redacted text.
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
            let end = bytes[(index + scheme.count)...].firstIndex { !isTokenByte($0) } ?? bytes.count
            output += bytes[index..<min(end, index + prefixLength)]
            if end > index + prefixLength { output += Array("…".utf8) }
            index = end
        }
        return String(decoding: output, as: UTF8.self)
    }

    /// Returns the text without tokens in the service's format and without one token in any format.
    static func redact(_ token: APIToken, in text: String) -> String {
        // The given token first: part of it may look like another token.
        redact(token.withSecret { replace(Array($0.utf8), by: "\(token)", in: text) })
    }

    /// Replaces bytes, because a `String` search misses a token that a combining mark follows.
    private static func replace(_ secret: [UInt8], by replacement: String, in text: String) -> String {
        // A shorter token is not a secret, and replacing it would garble the text.
        guard secret.count >= 8 else { return text }
        let bytes = Array(text.utf8)
        var output: [UInt8] = []
        var index = 0
        while index < bytes.count {
            if bytes[index] == secret[0], bytes[index...].starts(with: secret) {
                output += replacement.utf8
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

    /// Returns the fields with redacted names and values.
    static func redact(_ token: APIToken, in fields: [String: JSONValue]) -> [String: JSONValue] {
        Dictionary(fields.map { (redact(token, in: $0), redact(token, in: $1)) }, uniquingKeysWith: { $1 })
    }

    private static func isTokenByte(_ byte: UInt8) -> Bool { Base62.isDigit(byte) || byte == UInt8(ascii: "_") }
}

/// Makes text from elsewhere safe to display: one line, without terminal control characters and tokens.
enum OneLine {
    /// Returns the text on one line.
    ///
    /// - Parameters:
    ///   - text: Any text.
    ///   - token: A token to remove whatever its format; tokens in the service's format are always removed.
    ///   - most: The most Unicode scalars to keep.
    /// - Returns: The text, which ends in `…` if it was longer.
    static func of(_ text: String, without token: APIToken? = nil, most: Int = 1000) -> String {
        // Replaced by spaces and not dropped, so that two pieces cannot join to form a token.
        let visible = String(String.UnicodeScalarView(text.unicodeScalars.map { isVisible($0) ? $0 : " " }))
        // Redacted before it is cut, so that no part of a token is left.
        let redacted = token.map { TokenRedaction.redact($0, in: visible) } ?? TokenRedaction.redact(visible)
        let scalars = redacted.unicodeScalars
        let cut = String(scalars.prefix(most)).split { $0.isWhitespace }.joined(separator: " ")
        return scalars.count > most ? cut + "…" : cut
    }

    private static func isVisible(_ scalar: Unicode.Scalar) -> Bool {
        switch scalar.properties.generalCategory {
        case .control, .format, .lineSeparator, .paragraphSeparator: false
        default: true
        }
    }
}
