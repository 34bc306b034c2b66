import PodstackCommandLine

/// Finds the paths of blobs, and the first commit with each.
struct GitHistory {
    struct Place {
        /// The commit; nil when only the index contains the blob.
        var commit: String?
        var path: [UInt8]
        /// The position of the commit in the history, where parents come first.
        var order: Int
    }

    /// The most blobs that Git is asked for by name; with more, all changes are read.
    private static let mostNamed = 1000
    /// The most paths of one blob that are kept.
    private static let mostPlaces = 100

    let git: GitProgram
    let excluded: IgnoreRules

    /// Returns the places of the blobs that a commit or the index contains; an empty list when all are excluded.
    ///
    /// A branch, tag, stash or entry of the reflog leads to most commits. Only if a blob is in none of them, the commits
    /// to which nothing leads any more are read too.
    func places(of blobs: Set<String>) throws -> [String: [Place]] {
        var places: [String: [Place]] = [:]
        let list = try TemporaryList()
        let commits = try git.start(["rev-list", "--all", "--reflog", "--topo-order", "--reverse"])
        try readRecords(of: commits, separator: UInt8(ascii: "\n")) { list.append(String(decoding: $0, as: UTF8.self)) }
        try findChanges(of: blobs, in: list, from: 0, &places)
        if blobs.contains(where: { places[$0] == nil }) { try findStaged(blobs, &places) }
        let rest = blobs.filter { places[$0] == nil }
        // These commits come after all others.
        if !rest.isEmpty { try findChanges(of: rest, in: try unreachableCommits(), from: 1 << 40, &places) }
        return places
    }

    private func findChanges(
        of blobs: Set<String>, in commits: TemporaryList, from first: Int, _ places: inout [String: [Place]]
    ) throws {
        let words =
            [
                "diff-tree", "--stdin", "-r", "-z", "--raw", "--root", "-m", "--no-renames", "--no-relative",
                "--no-abbrev",
            ]
            + (blobs.count > Self.mostNamed ? [] : blobs.sorted().map { "--find-object=\($0)" })
        var commit = ""
        var order = first
        // A change and its path are two records. A record that is neither is the commit of those after it.
        var change: RawChange?
        try readRecords(of: try git.start(words, input: try commits.finished()), separator: 0) { record in
            if let pending = change {
                change = nil
                guard let object = pending.object, blobs.contains(object) else { return }
                add(Place(commit: commit, path: Array(record), order: order), object, &places)
            } else if let next = RawChange(record) {
                change = next
            } else {
                commit = String(decoding: record, as: UTF8.self)
                order += 1
            }
        }
    }

    private func findStaged(_ blobs: Set<String>, _ places: inout [String: [Place]]) throws {
        try readRecords(of: try git.start(["ls-files", "--stage", "-z"]), separator: 0) { record in
            guard let tab = record.firstIndex(of: UInt8(ascii: "\t")) else { return }
            let words = record[..<tab].split(separator: UInt8(ascii: " "))
            guard words.count == 3, case let object = String(decoding: words[1], as: UTF8.self), blobs.contains(object)
            else { return }
            let path = Array(record[(tab + 1)...])
            add(Place(commit: nil, path: path, order: .max - 1), object, &places)
        }
    }

    private func unreachableCommits() throws -> TemporaryList {
        let list = try TemporaryList()
        let all = try git.start([
            "cat-file", "--batch-all-objects", "--unordered", "--batch-check=%(objecttype) %(objectname)",
        ])
        try readRecords(of: all, separator: UInt8(ascii: "\n")) { record in
            let words = record.split(separator: UInt8(ascii: " ")).map { String(decoding: $0, as: UTF8.self) }
            if words.count == 2, words[0] == "commit" { list.append(words[1]) }
        }
        return list
    }

    private func add(_ place: Place, _ object: String, _ places: inout [String: [Place]]) {
        let known = places[object] ?? []
        let isKept =
            known.count < Self.mostPlaces && !known.contains { $0.path == place.path }
            && !excluded.excludesFile(place.path)
        places[object] = isKept ? known + [place] : known
    }

    /// Reads the output of a command that is a list of records.
    ///
    /// A command that fails after some records is not an error: what it found counts.
    private func readRecords(
        of running: RunningGit, separator: UInt8, _ body: (ArraySlice<UInt8>) -> Void
    ) throws {
        do { try Self.readRecords(of: running, separator: separator, body) } catch is CommandError {}
    }

    /// Reads the output of a command that is a list of records; throws the error of the command.
    static func readRecords(
        of running: RunningGit, separator: UInt8, _ body: (ArraySlice<UInt8>) -> Void
    ) throws {
        var rest: [UInt8] = []
        while case let bytes = try running.output.next(), !bytes.isEmpty {
            rest += bytes
            var start = 0
            while let end = rest[start...].firstIndex(of: separator) {
                body(rest[start..<end])
                start = end + 1
            }
            rest.removeFirst(start)
        }
        try running.finish()
    }
}

/// A changed path in Git's raw format: `:MODE MODE OBJECT OBJECT STATUS`.
struct RawChange {
    /// The new object; nil when it is not a file, as for a removed file and a submodule.
    var object: String?
    /// The former object; nil when it was not a file.
    var former: String?

    init?(_ record: ArraySlice<UInt8>) {
        guard record.first == UInt8(ascii: ":") else { return nil }
        let words = record.dropFirst().split(separator: UInt8(ascii: " ")).map { String(decoding: $0, as: UTF8.self) }
        guard words.count == 5 else { return nil }
        former = Self.file(words[0], words[2])
        object = Self.file(words[1], words[3])
    }

    private static func file(_ mode: String, _ object: String) -> String? {
        mode == "160000" || object.allSatisfy { $0 == "0" } ? nil : object
    }
}

/// The files that the next commit changes.
struct StagedChanges {
    var added: [(object: String, path: [UInt8])] = []
    /// The objects that the changes replace or remove.
    var former: Set<String> = []

    /// Reads the changes between the current commit and the index; without a commit, all files of the index.
    init(_ git: GitProgram) throws {
        // Fails before the first commit.
        let head = try? git.output("rev-parse", "--verify", "--quiet", "HEAD^{commit}")
        let base = try head ?? git.output("hash-object", "-t", "tree", "/dev/null")
        let running = try git.start([
            "diff-index", "--cached", "--raw", "-r", "-z", "--no-renames", "--no-relative", "--no-abbrev",
            "--ignore-submodules=none", base,
            "--",
        ])
        var rest: [UInt8] = []
        while case let bytes = try running.output.next(), !bytes.isEmpty { rest += bytes }
        try running.finish()
        var change: RawChange?
        for record in rest.split(separator: 0) {
            guard let pending = change else {
                change = RawChange(record)
                continue
            }
            change = nil
            if let object = pending.object { added.append((object, Array(record))) }
            if let object = pending.former { former.insert(object) }
        }
    }
}
