import Foundation
import PodstackTestSupport
import Testing

@testable import Podstack

@Suite("DotEnv, shared cases", .blocking, .timeLimit(.minutes(2)))
struct DotEnvVectorTests {
    struct Vector: Decodable, Sendable, CustomTestStringConvertible {
        var name: String
        var text: Text
        var environment: [String: String]
        var expected: Values
        var expectedOverride: Values
        var errorsOnLines: [Int]
        var testDescription: String { name }

        private enum CodingKeys: String, CodingKey {
            case name, text, environment, expected
            case expectedOverride = "expected_override"
            case errorsOnLines = "errors_on_lines"
        }
    }

    /// A text, or the parts of a long one: `{"repeat": ["A=", "x", 70000]}`.
    enum Text: Decodable, Sendable {
        case plain(String)
        case long(prefix: String, repeated: String, count: Int)

        private enum Key: CodingKey { case `repeat` }

        init(from decoder: any Decoder) throws {
            if let text = try? decoder.singleValueContainer().decode(String.self) {
                self = .plain(text)
                return
            }
            var parts = try decoder.container(keyedBy: Key.self).nestedUnkeyedContainer(forKey: .repeat)
            self = .long(
                prefix: try parts.decode(String.self), repeated: try parts.decode(String.self),
                count: try parts.decode(Int.self))
        }

        var text: String {
            switch self {
            case .plain(let text): text
            case .long(let prefix, let repeated, let count): prefix + String(repeating: repeated, count: count)
            }
        }
    }

    /// The values by name, or `x*70000` for the long text.
    enum Values: Decodable, Sendable {
        case all([String: String?])
        case long(String)

        init(from decoder: any Decoder) throws {
            let container = try decoder.singleValueContainer()
            if let text = try? container.decode(String.self) {
                self = .long(text)
            } else {
                self = .all(try container.decode([String: String?].self))
            }
        }

        var values: [String: String?] {
            switch self {
            case .all(let values): values
            case .long: ["A": String(repeating: "x", count: 70_000)]
            }
        }
    }

    private struct Vectors: Decodable { var cases: [Vector] }

    static let vectors = Result {
        let path = URL(filePath: #filePath).appending(path: "../../../Vectors/dotenv.json").standardized
        return try JSONDecoder().decode(Vectors.self, from: Data(contentsOf: path)).cases
    }

    @Test("the file contains all 136 cases")
    func count() throws { #expect(try Self.vectors.get().count == 136) }

    @Test("a text has the values that python-dotenv reads", arguments: (try? vectors.get()) ?? [])
    func vector(_ vector: Vector) throws {
        let environment = PodstackEnvironment(vector.environment)
        for (override, expected) in [(false, vector.expected), (true, vector.expectedOverride)] {
            let file = try DotEnv.parse(vector.text.text, environment: environment, override: override)
            let values = Dictionary(uniqueKeysWithValues: file.variables.map { ($0.name, $0.value) })
            #expect(values == expected.values)
            #expect(file.errorLines == vector.errorsOnLines)
        }
    }
}
