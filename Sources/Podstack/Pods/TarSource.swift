import PodstackSystem

#if canImport(Glibc)
    import Glibc
#elseif canImport(Musl)
    import Musl
#elseif canImport(Darwin)
    import Darwin
#endif

/// A local file or directory as a tar archive, read while it is sent.
///
/// Symbolic links are stored as links. Devices, pipes and sockets are left out.
// Safe: one thread calls `next`, and the task reads the summary once that has ended.
final class TarSource: @unchecked Sendable {
    private(set) var summary = TransferSummary()
    /// The entries to store; the next one is the last.
    private var pending: [(path: FilePath, name: [UInt8])]
    /// The file that is being read.
    private var file: (path: FilePath, descriptor: Int32, left: Int64, padding: Int)?
    private let root: FilePath
    private var isFinished = false
    private let total: Int64
    private var completed: Int64 = 0
    private let progress: (@Sendable (TransferProgress) -> Void)?
    private static let pieceSize = 128 << 10

    /// Opens a file or directory.
    ///
    /// - Parameters:
    ///   - path: The path. If it is a link, what it leads to is stored.
    ///   - name: The name in the archive.
    ///   - progress: Receives the progress.
    /// - Throws: ``PodFileError`` if there is nothing to read.
    init(_ path: FilePath, as name: [UInt8], progress: (@Sendable (TransferProgress) -> Void)?) throws {
        guard !path.bytes.isEmpty, !path.containsZero else { throw PodFileError("The path of the local file is empty") }
        var status = stat()
        guard Fork.outside({ path.withCString { stat($0, &status) } }) == 0 else {
            throw PodFileError(path, errno, "read")
        }
        root = path
        pending = [(path, name)]
        self.progress = progress
        total = progress == nil ? 0 : try Self.size(of: path, status)
    }

    deinit { if let file { close(file.descriptor) } }

    /// Returns the next part of the archive; empty at its end.
    func next() throws -> [UInt8] {
        if file != nil { return try content() }
        while let (path, name) = pending.popLast() {
            let header = try begin(path, name)
            if !header.isEmpty { return header }
        }
        guard !isFinished else { return [] }
        isFinished = true
        return [UInt8](repeating: 0, count: 2 * TarEntry.block)
    }

    /// Returns the header of an entry; empty if it is left out.
    private func begin(_ path: FilePath, _ name: [UInt8]) throws -> [UInt8] {
        var status = stat()
        let isRoot = path == root
        guard Fork.outside({ path.withCString { isRoot ? stat($0, &status) : lstat($0, &status) } }) == 0 else {
            throw PodFileError(path, errno, "read")
        }
        var entry = TarEntry(path: name, kind: .directory, mode: UInt32(status.st_mode) & 0o777)
        entry.modifiedAt = Self.modificationTime(status)
        switch status.st_mode & S_IFMT {
        case S_IFDIR:
            let names = try Self.names(in: path).sorted { $1.lexicographicallyPrecedes($0) }
            pending += names.map { (path.appending($0), name + [UInt8(ascii: "/")] + $0) }
        case S_IFLNK:
            entry.kind = .symbolicLink(try Self.target(of: path))
        case S_IFREG:
            entry.kind = .file
            let flags = O_RDONLY | O_CLOEXEC | (isRoot ? 0 : O_NOFOLLOW)
            let descriptor = Fork.outside { path.withCString { open($0, flags) } }
            guard descriptor >= 0 else { throw PodFileError(path, errno, "read") }
            // The file may have grown since.
            fstat(descriptor, &status)
            entry.size = Int64(status.st_size)
            file = (path, descriptor, entry.size, entry.padding)
        default:
            summary.skip(path.text)
            return []
        }
        return entry.header
    }

    /// Returns the next bytes of the file, and the bytes that fill its last block after its end.
    private func content() throws -> [UInt8] {
        guard var current = file else { return [] }
        var bytes = [UInt8](repeating: 0, count: Int(min(Int64(Self.pieceSize), current.left)))
        var count = 0
        while count < bytes.count {
            let read = bytes[count...].withUnsafeMutableBytes {
                let (start, count) = ($0.baseAddress, $0.count)
                return Fork.outside { systemRead(current.descriptor, start, count) }
            }
            if read < 0, errno == EINTR { continue }
            guard read >= 0 else { throw PodFileError(current.path, errno, "read") }
            guard read > 0 else {
                throw PodFileError("\(current.path) became shorter while it was read; copy it again")
            }
            count += read
        }
        current.left -= Int64(count)
        file = current
        completed += Int64(count)
        if current.left == 0 {
            bytes += [UInt8](repeating: 0, count: current.padding)
            close(current.descriptor)
            file = nil
            summary.files += 1
        }
        summary.bytes += Int64(count)
        progress?(TransferProgress(completedBytes: completed, totalBytes: max(total, completed)))
        // An empty file has no content, and an empty part would be the end of the archive.
        return bytes.isEmpty ? try next() : bytes
    }

    // MARK: - The system

    private static func names(in directory: FilePath) throws -> [[UInt8]] {
        guard let stream = Fork.outside({ directory.withCString { opendir($0) } }) else {
            throw PodFileError(directory, errno, "read")
        }
        defer { closedir(stream) }
        var names: [[UInt8]] = []
        while true {
            errno = 0
            guard let entry = Fork.outside({ readdir(stream) }) else {
                guard errno == 0 else { throw PodFileError(directory, errno, "read") }
                return names
            }
            let name = withUnsafeBytes(of: &entry.pointee.d_name) { Array($0.prefix { $0 != 0 }) }
            if name != [UInt8(ascii: ".")], name != [UInt8(ascii: "."), UInt8(ascii: ".")] { names.append(name) }
        }
    }

    private static func target(of link: FilePath) throws -> [UInt8] {
        var target = [CChar](repeating: 0, count: 4096)
        let count = link.withCString { readlink($0, &target, target.count) }
        guard count >= 0 else { throw PodFileError(link, errno, "read") }
        return target.prefix(count).map { UInt8(bitPattern: $0) }
    }

    private static func modificationTime(_ status: stat) -> Int64 {
        #if canImport(Darwin)
            Int64(status.st_mtimespec.tv_sec)
        #else
            Int64(status.st_mtim.tv_sec)
        #endif
    }

    /// Returns the bytes of all files.
    private static func size(of path: FilePath, _ status: stat) throws -> Int64 {
        switch status.st_mode & S_IFMT {
        case S_IFREG: return Int64(status.st_size)
        case S_IFDIR:
            return try names(in: path).reduce(0) { sum, name in
                var status = stat()
                let entry = path.appending(name)
                guard Fork.outside({ entry.withCString { lstat($0, &status) } }) == 0 else { return sum }
                return sum + (try size(of: entry, status))
            }
        default: return 0
        }
    }
}

/// The names of errors of the system.
enum ErrorNumber {
    static func text(_ number: Int32) -> String { String(cString: strerror(number)) }
}

/// `read` of the C library, which the names of methods hide.
private let systemRead: @Sendable (Int32, UnsafeMutableRawPointer?, Int) -> Int = { read($0, $1, $2) }
