import Podstack
import PodstackAPI
import PodstackCommandLine
import Synchronization

/// A token and its position.
///
/// Only the prefix of the token is shown and encoded.
struct ScanFinding: Sendable, Encodable {
    /// The path of the file; in Git, relative to the root of the repository, and nil for what is not a file.
    var path: String?
    /// The names of the members that contain the token, from the outermost archive to the innermost.
    var member: String?
    /// The object of Git that contains the token; nil for files.
    var object: String?
    /// The type of the object, such as `blob`; `name` if the name of the file or the directory contains the token.
    var objectType: String?
    /// The first commit with the file at this path, or the commit whose message contains the token.
    var commit: String?
    /// The name of the tag whose message contains the token.
    var tag: String?
    /// The number of later versions of the file that contain the token too.
    var laterVersions: Int?
    /// The number of the line, from 1.
    var line: Int
    /// The number of the byte in the line, from 1.
    var column: Int
    var token: APIToken
    /// The public ID of the token.
    var id: String

    private enum CodingKeys: String, CodingKey {
        case path, member, object, commit, tag, line, column, token, id
        case objectType = "object_type"
        case laterVersions = "later_versions"
    }

    init(path: String?, members: [String], line: Int, column: Int, token: APIToken) {
        self.path = path.map(TokenRedaction.redact)
        member = members.isEmpty ? nil : TokenRedaction.redact(members.joined(separator: "!"))
        self.line = line
        self.column = column
        self.token = token
        id = token.withSecret { TokenFormat.id(of: $0) } ?? ""
    }

    /// The finding on one line, as `PATH:LINE:COLUMN: PREFIX`, with `COMMIT:PATH` as Git names a file.
    var text: String {
        let name = [commit ?? (path == nil ? object : nil), path].compactMap(\.self).joined(separator: ":")
        let place = TerminalText.printable(name + (member.map { "!\($0)" } ?? ""))
        return "\(place):\(line):\(column): \(token)\(remark)"
    }

    private var remark: String {
        switch (objectType, path) {
        case ("commit", _): return " (commit message)"
        case ("tag", _): return " (message of tag \(TerminalText.printable(tag ?? "?")))"
        case ("tree", _), ("name", _): return " (name of a file)"
        case ("blob", nil): return " (object that no commit contains)"
        case ("blob", _) where commit == nil: return " (staged)"
        default:
            guard let laterVersions else { return "" }
            return " (and in \(laterVersions) later \(laterVersions == 1 ? "version" : "versions"))"
        }
    }
}

/// An event that a scan reports while it runs.
enum ScanEvent: Sendable {
    case found(ScanFinding)
    case unreadable(path: String, reason: String)
    /// A Git repository whose history was not searched.
    case repository(String)

    /// The event of a file or an object, for what was found in its content.
    init(_ event: ContentScan.Event, path: String) {
        switch event {
        case .found(let members, let line, let column, let token):
            self = .found(ScanFinding(path: path, members: members, line: line, column: column, token: token))
        case .unreadable(let members, let reason):
            self = .unreadable(
                path: TokenRedaction.redact(([path] + members).joined(separator: "!")), reason: reason)
        }
    }
}

/// The numbers of files and bytes that a scan has read, counted by several threads.
final class ScanCounts: Sendable {
    private let fileCount = Atomic(0)
    private let byteCount = Atomic(0)
    private let objectCount = Atomic(0)
    private let objectTotal = Atomic(0)

    var files: Int { fileCount.load(ordering: .relaxed) }
    var bytes: Int { byteCount.load(ordering: .relaxed) }
    var objects: Int { objectCount.load(ordering: .relaxed) }
    /// The number of objects that are to be read; 0 when it is not known.
    var totalObjects: Int { objectTotal.load(ordering: .relaxed) }

    func addFile() { fileCount.add(1, ordering: .relaxed) }
    func add(bytes count: Int) { byteCount.add(count, ordering: .relaxed) }
    func addObject() { objectCount.add(1, ordering: .relaxed) }
    func expect(objects count: Int) { objectTotal.store(count, ordering: .relaxed) }

    /// The counts as text, as in `12 files, 3.4 MB`.
    var text: String {
        var parts: [String] = []
        if objects > 0 { parts.append(Self.count(objects, "object")) }
        if files > 0 || objects == 0 { parts.append(Self.count(files, "file")) }
        return (parts + [Self.size(bytes)]).joined(separator: ", ")
    }

    /// The counts with a bar that shows how much of the objects is read, if their number is known.
    func progress(width: Int = 20) -> String {
        let (done, total) = (objects, totalObjects)
        guard total > 0 else { return "Searched \(text)" }
        let share = min(done, total) * 100 / total
        let bar = String(repeating: "#", count: share * width / 100)
        let rest = String(repeating: ".", count: width - bar.utf8.count)
        return "Searched [\(bar)\(rest)] \(share)% of \(Self.count(total, "object")), \(Self.size(bytes))"
    }

    private static func count(_ number: Int, _ noun: String) -> String { "\(number) \(noun)\(number == 1 ? "" : "s")" }

    static func size(_ bytes: Int) -> String {
        let units = ["bytes", "kB", "MB", "GB", "TB"]
        var (rest, unit) = (bytes, 0)
        while rest >= 1_000_000, unit < units.count - 2 { (rest, unit) = (rest / 1000, unit + 1) }
        guard rest >= 1000 else { return "\(rest) \(units[unit])" }
        return "\(rest / 1000).\(rest % 1000 / 100) \(units[unit + 1])"
    }
}
