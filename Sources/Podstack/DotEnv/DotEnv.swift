#if canImport(Glibc)
    import Glibc
#elseif canImport(Musl)
    import Musl
#elseif canImport(Darwin)
    import Darwin
#endif

/// A `.env` file: variables for local development. Source: Using .env Files.
///
/// ```swift
/// try DotEnv.load()
/// let client = try Client()
/// ```
///
/// The grammar and the meaning are those of python-dotenv 1.2.4: quotes, escapes, comments, `export`, `${NAME}` and
/// `${NAME:-default}`.
public struct DotEnv: Sendable {
    public struct Variable: Sendable, Hashable {
        public var name: String
        /// Nil when the name stands there without `=`, which sets nothing.
        public var value: String?
        /// Of the statement that counts, from 1.
        public var line: Int
        /// No part of the value was taken from the environment.
        var isLiteral: Bool
    }

    /// In the order of their first appearance; of a repeated name the last value.
    public let variables: [Variable]
    /// Lines that begin a statement which is none, and was passed over.
    public let errorLines: [Int]
    /// Nil when it was parsed from a text.
    public let path: String?

    public subscript(name: String) -> String? {
        variables.first { ExactName($0.name) == ExactName(name) }?.value
    }

    /// Takes a text apart, and touches nothing.
    ///
    /// - Parameters:
    ///   - text: What a file would hold.
    ///   - environment: What `${NAME}` stands for; it wins over the text's own variables.
    ///   - override: The text's own variables win.
    /// - Throws: ``ConfigurationError`` when the values would expand to more than 16 MiB.
    public static func parse(
        _ text: String, environment: PodstackEnvironment = .process, override: Bool = false
    ) throws -> DotEnv {
        try DotEnv(Array(text.utf8), path: nil, environment: environment, override: override)
    }

    /// Reads a file, and sets nothing. Throws ``ConfigurationError`` when it is not there, cannot be read or is not UTF-8.
    public static func read(
        _ path: String, environment: PodstackEnvironment = .process, override: Bool = false
    ) throws -> DotEnv {
        guard let content = try SecureFile.read(path, within: nil) else {
            throw ConfigurationError(message: "\(path) is not there")
        }
        return try DotEnv(content.bytes, path: path, environment: environment, override: override)
    }

    init(_ bytes: [UInt8], path: String?, environment: PodstackEnvironment, override: Bool) throws {
        let name = path ?? ".env"
        let parser: DotEnvParser
        var expansion: DotEnvExpansion?
        do {
            let text = try DotEnvText.normalised(bytes)
            // Most files expand nothing, and need not remember their values for it.
            if text.contains(UInt8(ascii: "$")) {
                expansion = DotEnvExpansion(environment: environment, override: override)
            }
            parser = DotEnvParser(text)
        } catch {
            throw ConfigurationError(message: "\(name) is not UTF-8: the byte at offset \(error.offset) is wrong")
        }
        var variables: [Variable] = []
        variables.reserveCapacity(parser.statements.count)
        var positions = [ExactName: Int](minimumCapacity: parser.statements.count)
        for statement in parser.statements {
            let value: DotEnvExpansion.Value
            do { value = try expansion?.expand(statement) ?? DotEnvExpansion.Value(text: statement.value) } catch {
                throw ConfigurationError(message: "\(name):\(error.line): the values expand to more than 16 MiB")
            }
            let variable = Variable(
                name: statement.key, value: value.text, line: statement.line, isLiteral: value.isLiteral)
            let (known, position) = (positions[ExactName(statement.key)], variables.count)
            if let known {
                variables[known] = variable
            } else {
                positions[ExactName(statement.key)] = position
                variables.append(variable)
            }
        }
        self.variables = variables
        errorLines = parser.errorLines
        self.path = path
    }

    /// One sentence for each statement that was passed over.
    public var warnings: [String] {
        errorLines.map { "\(path ?? ".env"):\($0): this is no NAME=value, and was passed over" }
    }
}

// Most of what stands in a `.env` is secret, so only who asks for a value sees it.

extension DotEnv: CustomStringConvertible, CustomReflectable {
    public var description: String { "DotEnv(\(variables.map(\.name).joined(separator: ", ")))" }
    public var customMirror: Mirror { Mirror(self, children: ["names": variables.map(\.name)]) }
}

extension DotEnv.Variable: CustomStringConvertible, CustomReflectable {
    public var description: String { value == nil ? name : "\(name)=…" }
    public var customMirror: Mirror { Mirror(self, children: ["name": name, "line": line]) }
}
