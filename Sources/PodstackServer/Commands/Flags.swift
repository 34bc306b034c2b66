import PodstackAPI

/// The options of a command line.
struct Flags {
    private(set) var positional: [String] = []
    private var values: [String: [String]] = [:]

    /// - Parameter switches: Those of the options that have no value.
    init(_ words: ArraySlice<String>, names: [String], switches: [String] = []) throws(UsageFailure) {
        var rest = words
        while let word = rest.popFirst() {
            guard word.hasPrefix("-") else {
                positional.append(word)
                continue
            }
            if switches.contains(word) {
                values[word, default: []].append("")
                continue
            }
            let parts = word.split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false).map(String.init)
            guard !switches.contains(parts[0]) else { throw UsageFailure("\(parts[0]) takes no value") }
            let known = names + ServerCommand.Option.common.map(\.name)
            guard known.contains(parts[0]) else {
                let near = NearMiss.question(parts[0], among: known + switches)
                throw UsageFailure("unknown option \(Self.shown(parts[0]))\(near)")
            }
            guard let value = parts.count == 2 ? parts[1] : rest.popFirst() else {
                throw UsageFailure("\(parts[0]) needs a value")
            }
            values[parts[0], default: []].append(value)
        }
    }

    /// A word as an error may repeat it: of an option its name alone, and nothing that is long enough to be a secret.
    static func shown(_ word: String) -> String {
        let name = String(word.prefix { $0 != "=" })
        let isShort = name.hasPrefix("-") && !name.hasPrefix("--")
        return isShort ? String(name.prefix(2)) : name.utf8.count > 30 ? "…" : name
    }

    func has(_ name: String) -> Bool { values[name] != nil }

    func all(_ name: String) -> [String]? { values[name] }

    func one(_ name: String) throws(UsageFailure) -> String? {
        guard let given = values[name] else { return nil }
        guard given.count == 1 else { throw UsageFailure("\(name) is given twice") }
        return given.first
    }

    /// A whole number of at least 1.
    func count(_ name: String) throws(UsageFailure) -> Int? {
        guard let text = try one(name) else { return nil }
        guard let number = Int(text), number >= 1 else { throw UsageFailure("\(name) must be a number from 1") }
        return number
    }

    func positional(_ names: [String]) throws(UsageFailure) -> [String] {
        guard positional.count >= names.count else { throw UsageFailure("\(names[positional.count]) is missing") }
        guard positional.count == names.count else {
            throw UsageFailure("unexpected argument \"\(Self.shown(positional[names.count]))\"")
        }
        return positional
    }

    func existingDataDirectory() throws -> DataDirectory {
        try .existing(try one("--data") ?? DataDirectory.defaultPath)
    }

    static let databaseVariable = "PODSTACK_DATABASE_URL"

    /// Nil for the database in the data directory.
    func database() throws(UsageFailure) -> PostgresURL? {
        let given = try one("--database")
        let variable = Self.databaseVariable
        guard let text = given ?? ProcessEnvironment.value(variable) else { return nil }
        guard let url = PostgresURL(text) else {
            throw UsageFailure("\(given == nil ? variable : "--database") must be a URL such as postgres://HOST/NAME")
        }
        if given != nil, url.hasPassword {
            StandardStream.error.write(
                "warning: others on this machine can see a password on the command line; use \(variable)\n")
        }
        return url
    }

    /// Nil where it is not said.
    func publicURL() throws(UsageFailure) -> String? {
        guard let text = try one("--public-url") else { return nil }
        do { return try PublicURL.checked(text) } catch { throw UsageFailure("--public-url \(error.message)") }
    }

    func dataDirectory() throws -> DataDirectory {
        try DataDirectory(try one("--data") ?? DataDirectory.defaultPath)
    }
}
