import Podstack
import PodstackCommandLine
import PodstackSystem

#if canImport(Glibc)
    import Glibc
#elseif canImport(Musl)
    import Musl
#elseif canImport(Darwin)
    import Darwin
#endif

/// Searches the objects of a Git repository: files, messages of commits and tags, notes, stashes, and what no branch
/// contains any more.
///
/// Memory does not depend on the size of the repository or of its objects.
struct GitScan {
    /// A token in an object, before its commit and path are known.
    private struct Find {
        var object: String
        var type: String
        var tag: String?
        var members: [String]
        var line: Int
        var column: Int
        var token: APIToken
    }

    /// The largest object that is searched inside as an archive with access to all of its bytes.
    private static let largestInMemory = 64 << 20
    /// The most tokens that are kept until their commits are known.
    static let mostFinds = 100_000

    let git: GitProgram
    let excluded: IgnoreRules
    let archives: ArchiveSupport
    let counts: ScanCounts

    // MARK: - The whole repository

    /// Searches all objects, and the files of Git's own directory, such as its configuration.
    func searchAll(report: @escaping (ScanEvent) -> Void) async throws {
        try git.checkFiles()
        let folder = try git.output("rev-parse", "--path-format=absolute", "--git-common-dir")
        // Runs beside the search.
        let connectivity = try git.start([
            "rev-list", "--objects", "--all", "--reflog", "--indexed-objects", "--missing=print", "--quiet",
        ])
        counts.expect(objects: Self.objectCount(try git.output("count-objects", "-v")))
        let running = try git.start([
            "cat-file", "--batch-all-objects", "--unordered", "--buffer", "--batch=\(GitObjects.format)",
        ])
        let finds = try search(running, report)
        try reportFinds(finds, GitHistory(git: git, excluded: excluded), report)
        try reportMissing(connectivity, report)
        await PathScan(input: -1, excluded: IgnoreRules(), archives: archives, counts: counts).run([folder]) { event in
            if case .repository(folder) = event { return }
            report(event)
        }
    }

    /// Reports what the repository lacks, so that "0 tokens" is not taken for a statement about its whole history.
    private func reportMissing(_ connectivity: RunningGit, _ report: (ScanEvent) -> Void) throws {
        if try git.output("rev-parse", "--is-shallow-repository") == "true" {
            report(
                .unreadable(
                    path: "the rest of the history",
                    reason: "the repository is a shallow clone, which git fetch --unshallow completes"))
        }
        var missing: [String] = []
        var count = 0
        do {
            try GitHistory.readRecords(of: connectivity, separator: UInt8(ascii: "\n")) { record in
                guard record.first == UInt8(ascii: "?") else { return }
                count += 1
                if missing.isEmpty { missing.append(String(decoding: record.dropFirst(), as: UTF8.self)) }
            }
        } catch let error as CommandError {
            report(.unreadable(path: "the whole history", reason: error.message))
        }
        guard let first = missing.first else { return }
        report(
            .unreadable(
                path: "object \(first)\(count > 1 ? " and \(count - 1) more" : "")",
                reason: "the repository does not contain it; git fetch --refetch --no-filter completes a partial clone"
            ))
    }

    /// Returns the number of objects, from the output of `git count-objects -v`.
    private static func objectCount(_ text: String) -> Int {
        text.split(byte: "\n").map { $0.split(byte: " ") }.reduce(0) { sum, words in
            guard words.count == 2, words[0] == "count:" || words[0] == "in-pack:" else { return sum }
            return sum + (Int(words[1]) ?? 0)
        }
    }

    private func reportFinds(
        _ finds: [Find], _ history: GitHistory, _ report: (ScanEvent) -> Void
    ) throws {
        let blobs = Set(finds.filter { $0.type == "blob" }.map(\.object))
        let places = blobs.isEmpty ? [:] : try history.places(of: blobs)
        var findings: [(order: Int, finding: ScanFinding)] = []
        for find in finds {
            guard find.type == "blob", let places = places[find.object] else {
                findings.append((.max, finding(find, in: nil)))
                continue
            }
            findings += places.map { ($0.order, finding(find, in: $0)) }
        }
        findings.sort { first, second in
            func key(_ item: (order: Int, finding: ScanFinding)) -> (Int, String, String, Int, Int) {
                let finding = item.finding
                return (item.order, finding.path ?? "", finding.object ?? "", finding.line, finding.column)
            }
            return key(first) < key(second)
        }
        for finding in Self.firstVersions(of: findings.map(\.finding)) { report(.found(finding)) }
    }

    private func finding(_ find: Find, in place: GitHistory.Place?) -> ScanFinding {
        var finding = ScanFinding(
            path: place.map { SystemText.text(of: $0.path) }, members: find.members, line: find.line,
            column: find.column, token: find.token)
        finding.object = find.object
        finding.objectType = find.type
        finding.commit = find.type == "commit" ? find.object : place?.commit
        finding.tag = find.tag
        return finding
    }

    /// Returns the findings without those in later versions of a file that has the same token at first.
    private static func firstVersions(of findings: [ScanFinding]) -> [ScanFinding] {
        struct File: Hashable {
            var path: String
            var member: String?
            var token: APIToken
        }
        var objects: [File: [String?]] = [:]
        var first: [ScanFinding] = []
        for finding in findings {
            guard finding.commit != nil, let path = finding.path else {
                first.append(finding)
                continue
            }
            let file = File(path: path, member: finding.member, token: finding.token)
            if objects[file]?.contains(finding.object) != true { objects[file, default: []].append(finding.object) }
            if objects[file]?.first == finding.object { first.append(finding) }
        }
        return first.map { finding in
            guard let path = finding.path, finding.commit != nil else { return finding }
            var finding = finding
            let versions = objects[File(path: path, member: finding.member, token: finding.token)]?.count ?? 1
            finding.laterVersions = versions > 1 ? versions - 1 : nil
            return finding
        }
    }

    // MARK: - The index

    /// Searches the files that the next commit adds or changes, for tokens that the current commit does not have in them.
    func searchStaged(report: (ScanEvent) -> Void) throws {
        try git.checkFiles()
        let changes = try StagedChanges(git)
        var paths: [String: [[UInt8]]] = [:]
        for change in changes.added where !excluded.excludesFile(change.path) {
            paths[change.object, default: []].append(change.path)
        }
        counts.expect(objects: paths.count)
        let finds = try search(objects: paths.keys.sorted(), report)
        guard !finds.isEmpty else { return }
        let former = Set(try search(objects: changes.former.sorted()) { _ in }.map(\.token))
        var findings: [ScanFinding] = []
        for find in finds where !former.contains(find.token) {
            for path in paths[find.object] ?? [] {
                findings.append(
                    ScanFinding(
                        path: SystemText.text(of: path), members: find.members, line: find.line,
                        column: find.column, token: find.token))
            }
        }
        findings.sort { ($0.path ?? "", $0.line, $0.column) < ($1.path ?? "", $1.line, $1.column) }
        for finding in findings { report(.found(finding)) }
    }

    // MARK: - Objects

    private func search(objects: [String], _ report: (ScanEvent) -> Void) throws -> [Find] {
        guard !objects.isEmpty else { return [] }
        let list = try TemporaryList()
        for object in objects { list.append(object) }
        return try search(
            git.start(["cat-file", "--buffer", "--batch=\(GitObjects.format)"], input: try list.finished()), report)
    }

    private func search(_ running: RunningGit, _ report: (ScanEvent) -> Void) throws -> [Find] {
        let objects = GitObjects(running.output)
        var content = ContentScan(archives, counts)
        var finds: [Find] = []
        do throws(ReadFailure) {
            while let header = try objects.next() {
                guard header.type != "missing" else {
                    report(.unreadable(path: "object \(header.id)", reason: "the repository does not contain it"))
                    continue
                }
                try search(header, objects, &content, &finds, report)
                counts.addObject()
            }
        } catch {
            report(.unreadable(path: "the repository", reason: error.reason))
        }
        do { try running.finish() } catch {
            // Git stops at a damaged object.
            report(.unreadable(path: "the rest of the repository", reason: error.message))
        }
        if finds.count >= Self.mostFinds {
            report(.unreadable(path: "the rest of the repository", reason: "more than \(Self.mostFinds) tokens"))
        }
        return finds
    }

    private func search(
        _ header: GitObjects.Header, _ objects: GitObjects, _ content: inout ContentScan, _ finds: inout [Find],
        _ report: (ScanEvent) -> Void
    ) throws(ReadFailure) {
        var tag: String?
        func handle(_ event: ContentScan.Event) {
            switch event {
            case .found(let members, let line, let column, let token):
                guard finds.count < Self.mostFinds else { return }
                finds.append(
                    Find(
                        object: header.id, type: header.type, tag: tag, members: members, line: line, column: column,
                        token: token))
            case .unreadable: report(ScanEvent(event, path: "object \(header.id)"))
            }
        }
        let isSearched: Void? = try objects.withContent(of: header) { bytes in
            if header.type == "tag" { tag = Self.name(ofTag: bytes) }
            content.run(bytes: bytes, report: handle)
        }
        guard isSearched == nil else { return }
        let source = objects.content()
        let kind = ArchiveFormat.kind(of: try source.peek(ArchiveFormat.longestHead))
        guard kind != nil, archives.isOn, header.size <= Self.largestInMemory else {
            return content.run(source, report: handle)
        }
        var bytes: [UInt8] = []
        bytes.reserveCapacity(header.size)
        while case let more = try source.next(), !more.isEmpty { bytes += more }
        bytes.withUnsafeBytes { content.run(bytes: $0, report: handle) }
    }

    private static func name(ofTag bytes: UnsafeRawBufferPointer) -> String? {
        let headers = bytes.prefix(4096).split(separator: UInt8(ascii: "\n"), maxSplits: 4)
        return headers.first { $0.starts(with: Array("tag ".utf8)) }.map {
            TokenRedaction.redact(SystemText.text(of: Array($0.dropFirst(4))))
        }
    }
}

/// A list of lines in a file without a name, which is the input of a command.
final class TemporaryList {
    private let file: UnsafeMutablePointer<FILE>

    init() throws {
        guard let file = tmpfile() else {
            throw CommandError(message: "cannot create a temporary file: \(String(cString: strerror(errno)))")
        }
        self.file = file
    }

    deinit { fclose(file) }

    func append(_ line: some StringProtocol) {
        let bytes = Array(line.utf8) + [UInt8(ascii: "\n")]
        fwrite(bytes, 1, bytes.count, file)
    }

    /// Returns the descriptor of the file, at its start.
    func finished() throws -> Int32 {
        guard fflush(file) == 0, ferror(file) == 0, lseek(fileno(file), 0, SEEK_SET) == 0 else {
            throw CommandError(message: "cannot write a temporary file: \(String(cString: strerror(errno)))")
        }
        return fileno(file)
    }
}
