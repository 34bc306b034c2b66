import PodstackSystem

/// A sentence that contains the sources that it names as values.
///
/// A program whose settings have other names than the SDK's parameters can so use its own names.
package struct Wording: Sendable {
    package enum Part: Sendable, Hashable {
        case text(String)
        case source(ClientConfiguration.Source)
        /// Text that is only useful to the author of a program that uses the SDK.
        case programming(String)
    }

    package private(set) var parts: [Part] = []

    package init(_ text: String) { parts = [.text(text)] }
    package init(_ source: ClientConfiguration.Source) { parts = [.source(source)] }

    /// The sentence with the SDK's names.
    package var text: String { text { $0.origin } }

    /// Returns the sentence with other names.
    ///
    /// - Parameters:
    ///   - isProgramming: Whether the reader is the author of a program that uses the SDK.
    ///   - name: Returns the name of a source.
    /// - Returns: The sentence.
    package func text(isProgramming: Bool = true, calling name: (ClientConfiguration.Source) -> String) -> String {
        let text = parts.map { part in
            switch part {
            case .text(let text): text
            case .source(let source): name(source)
            case .programming(let text): isProgramming ? text : ""
            }
        }.joined()
        // Here, because every sentence of an error passes here. A path in it may contain bytes that are not UTF-8, and a
        // name or a path may be a token.
        return TokenRedaction.redact(SystemText.displayed(text))
    }

    static func + (left: Wording, right: Wording) -> Wording {
        var sum = left
        sum.parts += right.parts
        return sum
    }
}

extension Wording: Equatable {
    package static func == (left: Wording, right: Wording) -> Bool { left.text == right.text }
}

extension Wording: ExpressibleByStringInterpolation {
    package struct StringInterpolation: StringInterpolationProtocol {
        fileprivate var parts: [Part] = []

        package init(literalCapacity: Int, interpolationCount: Int) {}
        package mutating func appendLiteral(_ literal: String) {
            if !literal.isEmpty { parts.append(.text(literal)) }
        }
        package mutating func appendInterpolation(_ source: ClientConfiguration.Source) {
            parts.append(.source(source))
        }
        package mutating func appendInterpolation(_ wording: Wording) { parts += wording.parts }
        package mutating func appendInterpolation(_ value: some CustomStringConvertible) {
            parts.append(.text(value.description))
        }
        package mutating func appendInterpolation(programming text: String) { parts.append(.programming(text)) }
    }

    package init(stringLiteral text: String) { self.init(text) }
    package init(stringInterpolation: StringInterpolation) { parts = stringInterpolation.parts }
}

extension Wording: CustomStringConvertible, CustomReflectable {
    package var description: String { text }
    /// A mirror with the text as it is displayed, without tokens.
    package var customMirror: Mirror { Mirror(self, children: ["text": text]) }
}

extension [Wording] {
    func joined(separator: String) -> Wording {
        dropFirst().reduce(first ?? "") { $0 + Wording(separator) + $1 }
    }
}
