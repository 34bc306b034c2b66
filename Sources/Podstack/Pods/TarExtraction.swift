import PodstackSystem

#if canImport(Glibc)
    import Glibc
#elseif canImport(Musl)
    import Musl
#elseif canImport(Darwin)
    import Darwin
#endif

/// Writes a tar archive that a pod sends to the local disk.
///
/// The pod may be hostile:
///
/// 1. Nothing is written outside of the copy: a path with `..` is an error, and no symbolic link is followed below it.
/// 2. Symbolic links are created at the end, after everything that could be written through them, and only if they stay
///    in the copy.
/// 3. No file gets the rights of its owner (setuid), and devices are left out.
struct TarExtraction {
    private let destination: FilePath
    private let progress: (@Sendable (TransferProgress) -> Void)?
    private var reader = TarReader()
    private var summary = TransferSummary()
    /// The directory that contains the copy, and the name of the copy; nil before the first entry.
    private var base: (directory: Descriptor, name: [UInt8])?
    /// The file that is being written.
    private var file: (descriptor: Descriptor, path: String, modifiedAt: Int64)?
    /// The directory that was used last, which is often the next one too.
    private var current: (components: [[UInt8]], descriptor: Descriptor)?
    private var links: [(components: [[UInt8]], target: [UInt8])] = []
    private var directories: [(components: [[UInt8]], mode: UInt32)] = []

    /// A descriptor that is closed when nothing refers to it any more.
    private final class Descriptor: Sendable {
        let number: Int32
        init(_ number: Int32) { self.number = number }
        deinit { close(number) }
    }

    init(to destination: FilePath, progress: (@Sendable (TransferProgress) -> Void)?) {
        self.destination = destination
        self.progress = progress
    }

    // MARK: - The archive

    mutating func receive(_ bytes: [UInt8]) throws {
        reader.receive(bytes)
        try process()
    }

    /// Writes what is left to write, and returns what was copied.
    mutating func finish() throws -> TransferSummary {
        guard reader.isComplete, file == nil, base != nil else {
            throw PodFileError("The archive from the pod is not complete, so the copy is not either")
        }
        for link in links { try create(link.components, to: link.target) }
        // Last, because a directory may be read-only; the deepest ones first.
        for (components, mode) in directories.reversed() where mode & 0o700 != 0o700 {
            fchmod(try directory(components).number, mode_t(mode))
        }
        return summary
    }

    private mutating func process() throws {
        while true {
            let part: TarReader.Part?
            do { part = try reader.next() } catch {
                throw PodFileError("The pod sent something that is not a tar archive")
            }
            switch part {
            case nil: return
            case .entry(let entry)?: try begin(entry)
            case .content(let bytes)?:
                guard let file else { continue }
                try write(bytes, to: file.descriptor.number, file.path)
                summary.bytes += Int64(bytes.count)
                progress?(TransferProgress(completedBytes: summary.bytes))
            case .endOfEntry?:
                guard let file else { continue }
                setTime(file.modifiedAt, of: file.descriptor.number)
                self.file = nil
                summary.files += 1
            }
        }
    }

    private mutating func begin(_ entry: TarEntry) throws {
        let all = try Self.components(of: entry.path)
        // Some programs store `./` first.
        guard let root = all.first else { return }
        let base = try base ?? openBase(for: root)
        self.base = base
        // The first component is the name in the pod, in whose place the copy has its own.
        let components = [base.name] + all.dropFirst()
        let path = SystemText.text(of: Array(components.joined(separator: [UInt8(ascii: "/")])))
        switch entry.kind {
        case .directory:
            _ = try directory(components)
            directories.append((components, entry.mode))
        case .file:
            let parent = try directory(Array(components.dropLast()))
            let flags = O_WRONLY | O_CREAT | O_TRUNC | O_NOFOLLOW | O_CLOEXEC | O_NONBLOCK
            let number = FilePath(bytes: components[components.count - 1]).withCString {
                openat(parent.number, $0, flags, mode_t(entry.mode))
            }
            guard number >= 0 else { throw failure(path, "written") }
            let descriptor = Descriptor(number)
            var status = stat()
            guard fstat(number, &status) == 0, status.st_mode & S_IFMT == S_IFREG else {
                throw PodFileError("\(SystemText.displayed(path)) is not a regular file here, so it is not replaced")
            }
            file = (descriptor, path, entry.modifiedAt)
        case .symbolicLink(let target):
            // The copy itself must not be a link that leads elsewhere.
            guard components.count > 1, Self.staysInside(target, below: components.count - 2) else {
                return summary.skip(path)
            }
            links.append((components, target))
        case .hardLink(let target):
            let former = [base.name] + (try Self.components(of: target)).dropFirst()
            try link(former, to: components, path)
        case .special: summary.skip(path)
        }
    }

    // MARK: - Paths

    /// Returns the components of a path in an archive.
    private static func components(of path: [UInt8]) throws(PodFileError) -> [[UInt8]] {
        let parts = path.split(separator: UInt8(ascii: "/")).map(Array.init).filter { $0 != [UInt8(ascii: ".")] }
        guard !parts.contains(where: { $0 == [UInt8(ascii: "."), UInt8(ascii: ".")] || $0.contains(0) }) else {
            throw PodFileError(
                "The archive from the pod has a path that leads out of the copy; nothing more is written")
        }
        return parts
    }

    /// Returns whether the target of a link in a directory stays in the copy.
    ///
    /// - Parameters:
    ///   - target: The target.
    ///   - depth: The number of directories between the link and the copy.
    /// - Returns: Whether it does.
    private static func staysInside(_ target: [UInt8], below depth: Int) -> Bool {
        guard let first = target.first, first != UInt8(ascii: "/"), !target.contains(0) else { return false }
        var depth = depth
        for part in target.split(separator: UInt8(ascii: "/")) {
            if part.elementsEqual([UInt8(ascii: "."), UInt8(ascii: ".")]) {
                depth -= 1
                guard depth >= 0 else { return false }
            } else if !part.elementsEqual([UInt8(ascii: ".")]) {
                depth += 1
            }
        }
        return true
    }

    private func openBase(for name: [UInt8]) throws -> (directory: Descriptor, name: [UInt8]) {
        guard !destination.bytes.isEmpty, !destination.containsZero else {
            throw PodFileError("The local path is empty")
        }
        var status = stat()
        let isDirectory =
            destination.withCString { stat($0, &status) } == 0 && status.st_mode & S_IFMT == S_IFDIR
        let (parent, own) =
            isDirectory || destination.namesDirectory
            ? (destination, name) : (destination.parent, Array(destination.name))
        let number = Fork.outside { parent.withCString { open($0, O_RDONLY | O_DIRECTORY | O_CLOEXEC) } }
        guard number >= 0 else { throw PodFileError(parent, errno, "opened") }
        return (Descriptor(number), own)
    }

    /// Returns a directory of the copy, which is created if it does not exist.
    private mutating func directory(_ components: [[UInt8]]) throws -> Descriptor {
        guard let base else { throw PodFileError("The archive from the pod is empty") }
        if let current, current.components == components { return current.descriptor }
        var descriptor = base.directory
        for component in components {
            let path = FilePath(bytes: component)
            if path.withCString({ mkdirat(descriptor.number, $0, 0o755) }) != 0, errno != EEXIST {
                throw failure(path.text, "created")
            }
            let number = path.withCString {
                openat(descriptor.number, $0, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC)
            }
            guard number >= 0 else {
                guard errno == ELOOP || errno == ENOTDIR else { throw failure(path.text, "opened") }
                throw PodFileError(
                    "\(SystemText.displayed(path.text)) is a link or a file here, and a directory in the pod; it is not replaced"
                )
            }
            descriptor = Descriptor(number)
        }
        current = (components, descriptor)
        return descriptor
    }

    // MARK: - Files

    private func write(_ bytes: ArraySlice<UInt8>, to descriptor: Int32, _ path: String) throws {
        var rest = bytes
        while !rest.isEmpty {
            let count = rest.withUnsafeBytes { bytes in
                Fork.outside { systemWrite(descriptor, bytes.baseAddress, bytes.count) }
            }
            if count < 0, errno == EINTR { continue }
            guard count > 0 else { throw failure(path, "written") }
            rest = rest.dropFirst(count)
        }
    }

    private func setTime(_ seconds: Int64, of descriptor: Int32) {
        let time = timespec(tv_sec: time_t(clamping: seconds), tv_nsec: 0)
        futimens(descriptor, [time, time])
    }

    /// Creates another name of a file of the copy.
    private mutating func link(_ former: [[UInt8]], to components: [[UInt8]], _ path: String) throws {
        let source = try directory(Array(former.dropLast()))
        let target = try directory(Array(components.dropLast()))
        let name = FilePath(bytes: components[components.count - 1])
        let result = FilePath(bytes: former[former.count - 1]).withCString { old in
            name.withCString { new in
                unlinkat(target.number, new, 0)
                return linkat(source.number, old, target.number, new, 0)
            }
        }
        guard result == 0 else { throw failure(path, "written") }
    }

    private mutating func create(_ components: [[UInt8]], to target: [UInt8]) throws {
        let parent = try directory(Array(components.dropLast()))
        let name = FilePath(bytes: components[components.count - 1])
        var status = stat()
        let result = name.withCString { name in
            // Replaces a link, and nothing else.
            if fstatat(parent.number, name, &status, AT_SYMLINK_NOFOLLOW) == 0, status.st_mode & S_IFMT == S_IFLNK {
                unlinkat(parent.number, name, 0)
            }
            return FilePath(bytes: target).withCString { symlinkat($0, parent.number, name) }
        }
        guard result == 0 else { throw failure(name.text, "created") }
    }

    private func failure(_ path: String, _ verb: String) -> PodFileError { PodFileError(FilePath(path), errno, verb) }
}

/// `write` of the C library, which the names of methods hide.
private let systemWrite: @Sendable (Int32, UnsafeRawPointer?, Int) -> Int = { write($0, $1, $2) }
