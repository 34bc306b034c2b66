import PodstackCommandLine

/// The patterns of `--exclude`, with the meaning that they have as the lines of a `.gitignore` in the searched directory.
///
/// The last pattern that matches a path decides. Source: gitignore(5).
struct IgnoreRules: Sendable {
    private struct Rule: Sendable {
        var pattern: Wildmatch
        /// Whether the pattern begins with `!`: it includes what an earlier one excludes.
        var isIncluding: Bool
        /// Whether the pattern ends with a slash, and so matches only directories.
        var isForDirectories: Bool
        /// Whether the pattern is compared with the whole path, and not only with its last component.
        var isForPaths: Bool
    }

    private var rules: [Rule] = []

    /// Creates rules that exclude nothing.
    init() {}

    init(_ patterns: [String]) throws(UsageError) {
        for pattern in patterns {
            if pattern.allSatisfy({ $0 == " " }) {
                throw UsageError("--exclude needs a pattern, such as build/ or *.lock")
            }
            append(pattern)
        }
    }

    private mutating func append(_ line: String) {
        var bytes = Self.withoutTrailingSpaces(Array(line.utf8))[...]
        guard bytes.first != UInt8(ascii: "#") else { return }
        let isIncluding = bytes.first == UInt8(ascii: "!")
        if isIncluding { bytes.removeFirst() }
        let isForDirectories = bytes.last == UInt8(ascii: "/")
        if isForDirectories { bytes.removeLast() }
        let isForPaths = bytes.contains(UInt8(ascii: "/"))
        if bytes.first == UInt8(ascii: "/") { bytes.removeFirst() }
        rules.append(
            Rule(
                pattern: Wildmatch(bytes), isIncluding: isIncluding, isForDirectories: isForDirectories,
                isForPaths: isForPaths))
    }

    /// Drops the spaces at the end, except one after a backslash.
    private static func withoutTrailingSpaces(_ bytes: [UInt8]) -> ArraySlice<UInt8> {
        var end = 0
        var index = 0
        while index < bytes.count {
            if bytes[index] == UInt8(ascii: "\\") {
                // A backslash at the very end ends the search, so the spaces before it stay.
                guard index + 1 < bytes.count else { return bytes[...] }
                index += 1
                end = index + 1
            } else if bytes[index] != UInt8(ascii: " ") {
                end = index + 1
            }
            index += 1
        }
        return bytes[..<end]
    }

    var isEmpty: Bool { rules.isEmpty }

    /// Whether a path is excluded by itself, when none of the directories that contain it is.
    ///
    /// - Parameters:
    ///   - path: The path, relative to the searched directory.
    ///   - isDirectory: Whether the path is a directory.
    /// - Returns: Whether the last pattern that matches excludes it.
    func excludes(_ path: some BidirectionalCollection<UInt8>, isDirectory: Bool) -> Bool {
        let name = path.suffix(while: { $0 != UInt8(ascii: "/") })
        let rule = rules.last { rule in
            guard isDirectory || !rule.isForDirectories else { return false }
            return rule.isForPaths ? rule.pattern.matches(path) : rule.pattern.matches(name)
        }
        return rule.map { !$0.isIncluding } ?? false
    }

    /// Whether a file or one of the directories that contain it is excluded.
    func excludesFile(_ path: [UInt8]) -> Bool {
        guard !rules.isEmpty else { return false }
        for (index, byte) in path.enumerated() where byte == UInt8(ascii: "/") {
            if excludes(path[..<index], isDirectory: true) { return true }
        }
        return excludes(path, isDirectory: false)
    }
}

extension BidirectionalCollection<UInt8> {
    /// The longest suffix whose bytes all satisfy a condition.
    fileprivate func suffix(while isIncluded: (UInt8) -> Bool) -> SubSequence {
        var start = endIndex
        while start > startIndex, isIncluded(self[index(before: start)]) { formIndex(before: &start) }
        return self[start...]
    }
}
