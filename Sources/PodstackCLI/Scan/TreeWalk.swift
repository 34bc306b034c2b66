import Podstack
import PodstackAPI
import PodstackSystem

#if canImport(Glibc)
    import Glibc
#elseif canImport(Musl)
    import Musl
#elseif canImport(Darwin)
    import Darwin
#endif

/// The regular files below a directory, in the order of their names.
///
/// Symbolic links are not followed.
struct TreeWalk: Sequence, IteratorProtocol {
    enum Item: Sendable {
        case file(FilePath)
        /// A Git repository, whose history is compressed.
        case repository(FilePath)
        case unreadable(FilePath, reason: Int32)
        /// An entry of any kind whose name contains a token.
        case named(FilePath)
    }

    private enum Kind {
        case file, directory, other
    }

    private struct Entry {
        var name: [UInt8]
        var kind: Kind
    }

    private let excluded: IgnoreRules
    /// The entries to visit, with their paths relative to the root; the next one is the last.
    private var pending: [(path: FilePath, relative: [UInt8], kind: Kind)]
    /// Items to return before the next entry.
    private var queued: [Item] = []

    init(_ root: FilePath, excluding rules: IgnoreRules = IgnoreRules()) {
        excluded = rules
        pending = [(root, [], .directory)]
    }

    mutating func next() -> Item? {
        while true {
            if let item = queued.popLast() { return item }
            guard let (path, relative, kind) = pending.popLast() else { return nil }
            if kind == .file { return .file(path) }
            open(path, relative)
        }
    }

    private mutating func open(_ directory: FilePath, _ relative: [UInt8]) {
        var (entries, failure) = Self.entries(of: directory)
        if failure != 0 { queued.append(.unreadable(directory, reason: failure)) }
        let names = Set(entries.lazy.map(\.name))
        // A search finds nothing in Git's objects, which are compressed.
        if ["HEAD", "objects", "refs"].allSatisfy({ names.contains(Array($0.utf8)) }) {
            queued.append(.repository(directory))
            entries.removeAll { $0.name == Array("objects".utf8) }
        }
        entries.sort { $1.name.lexicographicallyPrecedes($0.name) }
        for entry in entries {
            let below = relative.isEmpty ? entry.name : relative + [UInt8(ascii: "/")] + entry.name
            guard !excluded.excludes(below, isDirectory: entry.kind == .directory) else { continue }
            let path = directory.appending(entry.name)
            if !NameSearch.tokens(in: path).isEmpty { queued.append(.named(path)) }
            if entry.kind != .other { pending.append((path, below, entry.kind)) }
        }
    }

    /// Returns the first pipe or device below a directory, which a program that opens it may wait for without end.
    static func pipeOrDevice(below directory: FilePath) -> FilePath? {
        var pending = [directory]
        while let next = pending.popLast() {
            for entry in entries(of: next).0 {
                let path = next.appending(entry.name)
                switch entry.kind {
                case .file: break
                case .directory: pending.append(path)
                case .other:
                    var status = stat()
                    guard path.withCString({ stat($0, &status) }) == 0 else { continue }
                    // A socket cannot be opened, so nothing waits for it: a file system monitor has one.
                    if [S_IFIFO, S_IFCHR, S_IFBLK].contains(status.st_mode & S_IFMT) { return path }
                }
            }
        }
        return nil
    }

    /// The file systems with which the kernel presents itself: some of their files have no end, or change when read.
    private static let systemDevices: Set<dev_t> = {
        func device(_ path: String) -> dev_t? {
            var status = stat()
            return stat(path, &status) == 0 ? status.st_dev : nil
        }
        return Set(["/proc", "/sys"].compactMap(device)).subtracting([device("/")].compactMap(\.self))
    }()

    /// Returns the entries of a directory, and the number of the error that hides the others; 0 when there is none.
    private static func entries(of directory: FilePath) -> ([Entry], Int32) {
        guard let stream = directory.withCString({ opendir($0) }) else { return ([], errno) }
        defer { closedir(stream) }
        var status = stat()
        if fstat(dirfd(stream), &status) == 0, systemDevices.contains(status.st_dev) { return ([], 0) }
        var entries: [Entry] = []
        while true {
            errno = 0
            guard let entry = readdir(stream) else { return (entries, errno) }
            let name = withUnsafeBytes(of: &entry.pointee.d_name) { Array($0.prefix { $0 != 0 }) }
            if name == [UInt8(ascii: ".")] || name == [UInt8(ascii: "."), UInt8(ascii: ".")] { continue }
            entries.append(Entry(name: name, kind: kind(Int32(entry.pointee.d_type), name, in: stream)))
        }
    }

    private static func kind(_ type: Int32, _ name: [UInt8], in directory: OpaquePointer) -> Kind {
        switch type {
        case Int32(DT_REG): return .file
        case Int32(DT_DIR): return .directory
        case Int32(DT_UNKNOWN):
            // Some file systems do not store the type in the directory.
            var status = stat()
            let exists = FilePath(bytes: name).withCString {
                fstatat(dirfd(directory), $0, &status, AT_SYMLINK_NOFOLLOW) == 0
            }
            guard exists else { return .other }
            return status.st_mode & S_IFMT == S_IFREG ? .file : status.st_mode & S_IFMT == S_IFDIR ? .directory : .other
        default: return .other
        }
    }
}

/// Finds tokens in the names of files, directories, branches and tags.
enum NameSearch {
    /// Returns the tokens in the last part of a path, with their offsets.
    static func tokens(in path: FilePath) -> [(offset: Int, token: APIToken)] {
        guard path.name.count >= TokenFormat.length else { return [] }
        return Array(path.name).withUnsafeBytes { TokenSearch().tokens(in: $0, before: $0.count) }
    }
}
