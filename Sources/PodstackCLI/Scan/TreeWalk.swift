#if canImport(Glibc)
    import Glibc
#elseif canImport(Musl)
    import Musl
#elseif canImport(Darwin)
    import Darwin
#endif

/// Everything below a directory, in the order of the names. Follows no symbolic link, and names only regular files.
struct TreeWalk: Sequence, IteratorProtocol {
    enum Item: Sendable {
        case file(FilePath)
        /// A repository whose history is not in plain files.
        case repository(FilePath)
        case unreadable(FilePath, reason: Int32)
    }

    private enum Kind {
        case file, directory, other
    }

    private struct Entry {
        var name: [UInt8]
        var kind: Kind
    }

    private let excluded: [String]
    /// What is still to come, the next at the end.
    private var pending: [(path: FilePath, kind: Kind)]
    private var said: [Item] = []

    init(_ root: FilePath, excluding patterns: [String] = []) {
        excluded = patterns
        pending = [(root, .directory)]
    }

    mutating func next() -> Item? {
        while true {
            if let item = said.popLast() { return item }
            guard let (path, kind) = pending.popLast() else { return nil }
            if kind == .file { return .file(path) }
            open(path)
        }
    }

    private mutating func open(_ directory: FilePath) {
        var (entries, failure) = Self.entries(of: directory)
        if failure != 0 { said.append(.unreadable(directory, reason: failure)) }
        let names = Set(entries.lazy.map(\.name))
        // Git's objects are compressed, so there is nothing to see in them.
        if ["HEAD", "objects", "refs"].allSatisfy({ names.contains(Array($0.utf8)) }) {
            said.append(.repository(directory))
            entries.removeAll { $0.name == Array("objects".utf8) }
        }
        entries.sort { $1.name.lexicographicallyPrecedes($0.name) }
        for entry in entries where entry.kind != .other {
            let path = directory.appending(entry.name)
            if !excluded.contains(where: path.matches) { pending.append((path, entry.kind)) }
        }
    }

    /// Where the system shows itself as files: some of them have no end, or change when they are read.
    private static let systemDevices: Set<dev_t> = {
        func device(_ path: String) -> dev_t? {
            var status = stat()
            return stat(path, &status) == 0 ? status.st_dev : nil
        }
        return Set(["/proc", "/sys"].compactMap(device)).subtracting([device("/")].compactMap(\.self))
    }()

    /// With the number of the error that hides all of them, or the rest.
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
            // A file system that says no more.
            var status = stat()
            let isThere = FilePath(bytes: name).withCString {
                fstatat(dirfd(directory), $0, &status, AT_SYMLINK_NOFOLLOW) == 0
            }
            guard isThere else { return .other }
            return status.st_mode & S_IFMT == S_IFREG ? .file : status.st_mode & S_IFMT == S_IFDIR ? .directory : .other
        default: return .other
        }
    }
}
