/// A sentence that may name where a setting comes from, so that a program whose settings have other names than the
/// SDK's parameters can say it in its own words.
package struct Wording: Sendable {
    package enum Part: Sendable, Hashable {
        case text(String)
        case source(ClientConfiguration.Source)
        /// What only who writes the program can do.
        case programming(String)
    }

    package private(set) var parts: [Part] = []

    package init(_ text: String) { parts = [.text(text)] }
    package init(_ source: ClientConfiguration.Source) { parts = [.source(source)] }

    /// In the words of the SDK.
    package var text: String { text { $0.origin } }

    /// - Parameters:
    ///   - name: What the program calls a source.
    ///   - isProgramming: Whether the reader is who writes the program.
    package func text(isProgramming: Bool = true, calling name: (ClientConfiguration.Source) -> String) -> String {
        parts.map { part in
            switch part {
            case .text(let text): text
            case .source(let source): name(source)
            case .programming(let text): isProgramming ? text : ""
            }
        }.joined()
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

extension Wording: CustomStringConvertible {
    package var description: String { text }
}

extension [Wording] {
    func joined(separator: String) -> Wording {
        dropFirst().reduce(first ?? "") { $0 + Wording(separator) + $1 }
    }
}
