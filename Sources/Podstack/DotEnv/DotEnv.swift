import PodstackSystem
import Synchronization

#if canImport(Glibc)
    import Glibc
#elseif canImport(Musl)
    import Musl
#elseif canImport(Darwin)
    import Darwin
#endif

/// The variables of a `.env` file, for local development.
///
/// ```swift
/// try DotEnv.load()
/// let client = try Client()
/// ```
///
/// The grammar and the semantics are those of python-dotenv 1.2.4: quotes, escapes, comments, `export`, `${NAME}` and
/// `${NAME:-default}`. Source: Using .env Files.
public struct DotEnv: Sendable {
    /// One variable of a file.
    public struct Variable: Sendable, Hashable {
        /// The name.
        public var name: String
        /// The value; nil when the file has the name without `=`, which sets nothing.
        public var value: String?
        /// The line of the statement that sets the value, from 1.
        public var line: Int
        /// Whether no part of the value came from the environment.
        var isLiteral: Bool
    }

    /// The variables in the order of their first appearance; a repeated name has its last value.
    public let variables: [Variable]
    /// The lines of statements that could not be parsed and were skipped.
    public let errorLines: [Int]
    /// The path of the file; nil when a text was parsed.
    public let path: String?

    /// The value of a variable; nil when the file does not set it.
    ///
    /// - Parameter name: The name of the variable.
    public subscript(name: String) -> String? {
        variables.first { ExactName($0.name) == ExactName(name) }?.value
    }

    /// Parses a text without setting variables.
    ///
    /// - Parameters:
    ///   - text: The content of a `.env` file.
    ///   - environment: The values for `${NAME}`, which take precedence over the text's own variables.
    ///   - override: Whether the text's own variables take precedence.
    /// - Returns: The variables.
    /// - Throws: ``ConfigurationError`` when the values would expand to more than 16 MiB.
    public static func parse(
        _ text: String, environment: PodstackEnvironment = .process, override: Bool = false
    ) throws -> DotEnv {
        try DotEnv(Array(text.utf8), path: nil, environment: environment, override: override)
    }

    /// Reads a file without setting variables.
    ///
    /// - Parameters:
    ///   - path: The path of the file, which may be a pipe.
    ///   - environment: The values for `${NAME}`, which take precedence over the file's own variables.
    ///   - override: Whether the file's own variables take precedence.
    /// - Returns: The variables.
    /// - Throws: ``ConfigurationError`` when the file does not exist, cannot be read or is not UTF-8, or when the values
    ///   would expand to more than 16 MiB.
    public static func read(
        _ path: String, environment: PodstackEnvironment = .process, override: Bool = false
    ) throws -> DotEnv {
        let path = try environment.path(path)
        guard let content = try SecureFile.read(path, within: SecureFile.defaultTimeLimit) else {
            throw ConfigurationError(message: "\(path) does not exist")
        }
        return try DotEnv(content.bytes, path: path.text, environment: environment, override: override)
    }

    init(_ bytes: [UInt8], path: String?, environment: PodstackEnvironment, override: Bool) throws {
        let name = path ?? ".env"
        let parser: DotEnvParser
        var expansion: DotEnvExpansion?
        do {
            let text = try DotEnvText.normalized(bytes)
            // Most files expand nothing, so their values need not be recorded.
            if text.contains(UInt8(ascii: "$")) {
                expansion = DotEnvExpansion(environment: environment, override: override)
            }
            parser = DotEnvParser(text)
        } catch {
            throw ConfigurationError(message: "\(name) is not UTF-8: the byte at offset \(error.offset) is invalid")
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

    /// A sentence about each statement that was skipped.
    public var warnings: [String] {
        let name = TokenRedaction.redact(path ?? ".env")
        return errorLines.map { "\(name):\($0): expected NAME=value; the line was skipped" }
    }
}

// Most values in a `.env` file are secrets, so descriptions contain only the names.

extension DotEnv: CustomStringConvertible, CustomReflectable {
    /// The names of the variables.
    public var description: String { "DotEnv(\(names.joined(separator: ", ")))" }
    /// A mirror without the values.
    public var customMirror: Mirror { Mirror(self, children: ["names": names]) }

    private var names: [String] { variables.map { TokenRedaction.redact($0.name) } }
}

extension DotEnv.Variable: CustomStringConvertible, CustomReflectable {
    /// The name of the variable.
    public var description: String {
        let name = TokenRedaction.redact(name)
        return value == nil ? name : "\(name)=…"
    }
    /// A mirror without the value.
    public var customMirror: Mirror { Mirror(self, children: ["name": TokenRedaction.redact(name), "line": line]) }
}

// MARK: - Loading

extension DotEnv {
    /// Sets the variables of a `.env` file in this process.
    ///
    /// Call it at the start of the program, before other threads read the environment. A setting of the SDK that is set
    /// but empty counts as not set; any other variable keeps its empty value. A `.env` file may set a token, a
    /// project, and an endpoint for its own token; other variables that determine where a token goes require `trust`.
    ///
    /// - Parameters:
    ///   - path: The path of the file; nil searches for `.env` in the working directory, then in its parents up to the
    ///     root of the repository, the home directory or a folder of another owner. A file in a parent must have the
    ///     same owner.
    ///   - override: Whether the file's variables replace variables that are already set.
    ///   - trust: Whether the file may also determine where tokens go: the endpoint for any token, proxies, certificate
    ///     authorities, the credentials file and the profile.
    ///   - onEvent: Receives a warning for each line that was skipped.
    /// - Returns: The variables of the file; nil when `path` is nil and no `.env` file was found.
    /// - Throws: ``ConfigurationError`` when the file cannot be read, is not UTF-8, contains a name or a value that an
    ///   environment cannot hold, or contains more than 10,000 variables. Then no variable was set.
    @discardableResult
    public static func load(
        _ path: String? = nil, override: Bool = false, trust: Bool = false,
        onEvent: (@Sendable (ClientEvent) -> Void)? = nil
    ) throws -> DotEnv? {
        var environment = PodstackEnvironment.process
        return try load(path, into: &environment, override: override, trust: trust, onEvent: onEvent)
    }

    /// Sets the variables of a `.env` file in an environment value; the process does not change.
    ///
    /// - Parameters:
    ///   - path: The path of the file; nil searches for `.env` as ``load(_:override:trust:onEvent:)`` does.
    ///   - environment: The environment to change.
    ///   - override: Whether the file's variables replace variables that are already set.
    ///   - trust: Whether the file may also determine where tokens go.
    ///   - onEvent: Receives a warning for each line that was skipped.
    /// - Returns: The variables of the file; nil when `path` is nil and no `.env` file was found.
    /// - Throws: ``ConfigurationError`` when the file cannot be read, is not UTF-8, contains a name or a value that an
    ///   environment cannot hold, or contains more than 10,000 variables. Then no variable was set.
    @discardableResult
    public static func load(
        _ path: String? = nil, into environment: inout PodstackEnvironment, override: Bool = false, trust: Bool = false,
        onEvent: (@Sendable (ClientEvent) -> Void)? = nil
    ) throws -> DotEnv? {
        let folder = FilePath.workingDirectory
        guard
            let found = try path.map({ try environment.path($0).text })
                ?? folder.flatMap({ DotEnvSearch.find(from: $0, home: try? environment.home()) })?.text
        else { return nil }
        let file = try read(found, environment: environment, override: override)
        // The C library scans the whole environment each time a variable is read or set.
        guard file.variables.count <= maxVariables else {
            throw ConfigurationError(message: "\(found) contains more than \(maxVariables) variables")
        }
        let isInParent = path == nil && FilePath(found) != folder?.appending(".env")
        let load = DotEnvOrigin.nextLoad()
        var origins: [String: DotEnvOrigin] = [:]
        for variable in file.variables {
            guard let value = variable.value else { continue }
            try check(variable, value, path: found)
            if !override, environment.isSet(variable.name) { continue }
            origins[variable.name] = DotEnvOrigin(
                path: found, line: variable.line, load: load, value: value, isLiteral: variable.isLiteral,
                isTrusted: trust, isInParent: isInParent)
        }
        environment.set(origins)
        if let onEvent { for warning in file.warnings { onEvent(.warning(warning)) } }
        return file
    }

    private static let maxVariables = 10_000

    private static func check(_ variable: Variable, _ value: String, path: String) throws(ConfigurationError) {
        if variable.name.utf8.contains(0) || value.utf8.contains(0) {
            throw ConfigurationError(message: "\(path):\(variable.line): a variable cannot contain a NUL")
        }
        if variable.name.utf8.contains(UInt8(ascii: "=")) {
            throw ConfigurationError(message: "\(path):\(variable.line): the name of a variable cannot contain \"=\"")
        }
    }
}

// MARK: - Origins

/// The `.env` file that a variable came from.
struct DotEnvOrigin: Sendable, Hashable {
    var path: String
    var line: Int
    /// The number of the call that loaded the file; the file at a path may change between two calls.
    var load: UInt64 = 0
    /// The value that the file set; a variable that was changed since no longer has this origin.
    var value: String
    /// Whether the value is written in the file itself, so that a token can vouch for an endpoint next to it.
    var isLiteral: Bool
    /// Whether the program allowed the file to determine where tokens go.
    var isTrusted: Bool
    /// Whether the file was found in a parent of the working directory, where the user may not expect it.
    var isInParent: Bool
}

extension DotEnvOrigin {
    private static let loads = Atomic<UInt64>(0)

    /// Returns the number of the next call that loads a file.
    static func nextLoad() -> UInt64 { loads.add(1, ordering: .relaxed).newValue }

    /// The variables that ``DotEnv/load(_:override:trust:onEvent:)`` has set in this process.
    enum Process {
        private static let origins = Lock<[String: DotEnvOrigin]>([:])
        /// Whether any were set; most programs never load a file and need not take the lock.
        private static let isUsed = Atomic(false)

        static func record(_ new: [String: DotEnvOrigin]) {
            guard !new.isEmpty else { return }
            origins.withLock { $0.merge(new) { $1 } }
            isUsed.store(true, ordering: .releasing)
        }

        static var all: [String: DotEnvOrigin] {
            isUsed.load(ordering: .acquiring) ? origins.withLock { $0 } : [:]
        }
    }
}

// MARK: - Searching

/// Finds the `.env` file for a working directory.
enum DotEnvSearch {
    /// Returns the path of `.env` in a folder or its parents; nil when there is none.
    ///
    /// Stops at the root of a repository, the home directory, or a folder of another owner, because folders beyond are
    /// not part of the project. In a parent, skips a file of another owner: anyone can write to a folder such as `/tmp`.
    static func find(from folder: FilePath, home: FilePath?) -> FilePath? {
        guard let start = folder.real else { return nil }
        var current = start
        let home = home?.real
        let owner = self.owner(of: current)
        while true {
            let candidate = current.appending(".env")
            if isReadable(candidate), current == start || belongs(candidate, to: owner) { return candidate }
            guard current != "/", current != home, !exists(current.appending(".git")) else { return nil }
            current = current.parent
            guard self.owner(of: current) == owner else { return nil }
        }
    }

    /// Returns whether the path is a file, or a pipe such as some secret managers create.
    private static func isReadable(_ path: FilePath) -> Bool {
        guard let mode = status(path)?.st_mode else { return false }
        return mode & S_IFMT == S_IFREG || mode & S_IFMT == S_IFIFO
    }

    private static func exists(_ path: FilePath) -> Bool { status(path) != nil }

    private static func owner(of path: FilePath) -> uid_t? { status(path)?.st_uid }

    /// Returns whether a file belongs to an owner; if it is a link, the link must too.
    private static func belongs(_ path: FilePath, to owner: uid_t?) -> Bool {
        var link = stat()
        return path.withCString { lstat($0, &link) } == 0 && link.st_uid == owner && self.owner(of: path) == owner
    }

    private static func status(_ path: FilePath) -> stat? {
        var status = stat()
        return path.withCString { stat($0, &status) } == 0 ? status : nil
    }
}
