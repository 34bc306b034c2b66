@testable import Podstack

/// The credentials file.
///
/// An input is a file, and optionally a profile and a value to set, each after a 0xFF, which UTF-8 text does not
/// contain.
enum CredentialsFileTarget {
    private static let keys = [
        "api_token", "project_id", "api_endpoint", "credential_process", "credential_store_process",
        "pending_api_token",
    ]

    static func run(_ input: [UInt8]) {
        let parts = input.split(separator: 0xFF, omittingEmptySubsequences: false)
        let hasChange = parts.count > 2
        let value = FuzzInput.text(hasChange ? parts[parts.count - 1] : [])
        let profile = hasChange ? FuzzInput.text(parts[parts.count - 2]) : "default"
        let file = hasChange ? Array(parts.dropLast(2).joined(separator: [0xFF])) : input
        let naive = NaiveINI(file)
        let document: INIDocument
        do { document = try INIDocument(file) } catch {
            require(naive.lines == nil, "what the naive reader understands is understood")
            check(error, naive)
            return
        }
        require(naive.lines != nil, "what the naive reader refuses is refused")
        require(document.bytes == file, "a file is given back as it was")
        compare(document, naive)
        change(document, naive, key: keys[value.utf8.count % keys.count], to: value, profile: profile)
    }

    private static func compare(_ document: INIDocument, _ naive: NaiveINI) {
        let sections = naive.sections
        require(same(document.sectionNames, sections), "the same profiles")
        for section in sections {
            let entries = document.entries(of: section) ?? []
            let expected = naive.entries(of: section)
            require(same(entries.map(\.key), expected.map(\.key)), "the same keys")
            require(same(entries.map(\.value), expected.map(\.value)), "the same values")
            require(entries.map(\.line) == expected.map(\.number), "on the same lines")
        }
    }

    /// Checks that the reason is one of a few sentences, so that it contains nothing of the file.
    private static func check(_ failure: INIDocument.Failure, _ naive: NaiveINI) {
        if let line = failure.line { require((1...naive.lineCount).contains(line), "the line is in the file") }
        let twice = ["duplicate profile; the first is on line ", "duplicate key; the first is on line "]
        if let start = twice.first(where: failure.reason.hasPrefix) {
            let first = Int(failure.reason.dropFirst(start.count)) ?? 0
            require(first > 0 && first < failure.line ?? 0, "the first one stands before the second")
            return
        }
        if failure.reason == "the file is UTF-16; save it as UTF-8" { return }
        require(failure.line != nil, "a failure has its line")
        let sentences = [
            "there is a NUL character; is this a text file?", "the line is not valid UTF-8",
            "a key before the first [profile]", "expected [profile] or key = value", "there is no key before =",
            "expected ] after the name of the profile", "only a comment may follow ]", "the profile has no name",
        ]
        require(sentences.contains(failure.reason), "a reason of the list")
    }

    private static func change(
        _ old: INIDocument, _ naive: NaiveINI, key: String, to value: String, profile: String
    ) {
        var new = old
        guard (try? new.set(key, to: value, section: profile)) != nil else {
            require(new.bytes == old.bytes, "what cannot be set changes nothing")
            return
        }
        let read = new.entries(of: profile)?.filter { $0.key == key }.map(\.value) ?? []
        require(same(read, [value]), "what was set is read back")
        let previous = naive.entries(of: profile).first { $0.key == key }
        let replaced = previous.map { naive.ranges[$0.number - 1] }
        require(isChanged(old.bytes, new.bytes, only: replaced), "everything else is byte for byte the same")
        for section in naive.sections {
            let before = naive.entries(of: section).filter { section != profile || $0.key != key }
            let after = (new.entries(of: section) ?? []).filter { section != profile || $0.key != key }
            require(same(before.map(\.value), after.map(\.value)), "every other value stays")
        }
        guard previous == nil, old.entries(of: profile) != nil else { return }
        require((try? new.remove(key, section: profile)) == true, "what was set can be removed")
        // A missing line end at the end of the file was added.
        let isBack = new.bytes == old.bytes || (new.bytes.starts(with: old.bytes) && !naive.isTerminated)
        require(isBack, "removing a new key gives the file back")
    }

    /// Checks that only one place was replaced or inserted.
    private static func isChanged(_ old: [UInt8], _ new: [UInt8], only replaced: Range<Int>?) -> Bool {
        let prefix = zip(old, new).prefix { $0 == $1 }.count
        let suffix = zip(old.reversed(), new.reversed()).prefix { $0 == $1 }.count
        guard let replaced else { return prefix + suffix >= old.count }
        return prefix >= replaced.lowerBound && suffix >= old.count - replaced.upperBound
    }

    private static func same(_ left: [String], _ right: [String]) -> Bool {
        left.map { Array($0.utf8) } == right.map { Array($0.utf8) }
    }
}
