import PodstackSystem

#if canImport(Glibc)
    import Glibc
#elseif canImport(Musl)
    import Musl
#elseif canImport(Darwin)
    import Darwin
#endif

/// One replacement of the content of a file, by the safest way that the system permits.
///
/// 1. The normal way is a temporary file that is renamed: a crash at any point leaves the old or the new content.
/// 2. A file that cannot be replaced, such as a mounted one, or whose owner a new file could not keep, is overwritten in
///    place. A copy of the old content is beside it meanwhile, if the folder permits that.
/// 3. A step that the file system does not support is left out, with one warning per process. An error of the device,
///    such as a full disk, is always an error.
/// 4. Only a regular file is ever replaced or overwritten.
struct FileReplacement {
    enum Outcome {
        case done
        /// Another program changed the file meanwhile, which only a lock prevents.
        case overtaken
    }

    let path: FilePath
    /// The content that the new one was derived from; nil when there was no file.
    let former: SecureFile.Content?
    /// Whether no other program that locks the file can change it.
    let isLocked: Bool

    /// Writes new content.
    ///
    /// Throws ``ConfigurationError`` when that fails. Then the file has its former content, unless the system failed
    /// while it was overwritten in place.
    func write(_ bytes: [UInt8]) throws(ConfigurationError) -> Outcome {
        // With the lock, an existing temporary file was left by a writer that was killed. Without it, the file may be
        // that of another writer.
        let temporary = path + (isLocked ? ".tmp" : ".tmp-\(UInt32.random(in: 0...UInt32.max))")
        if isLocked { _ = temporary.withCString { unlink($0) } }
        let descriptor = temporary.withCString {
            open($0, O_CREAT | O_EXCL | O_WRONLY | O_CLOEXEC | O_NOFOLLOW, 0o600)
        }
        guard descriptor >= 0 else {
            return try overwrite(bytes, because: errno, orThrow: "cannot create a file beside")
        }
        var isRenamed = false
        defer {
            close(descriptor)
            if !isRenamed { _ = temporary.withCString { unlink($0) } }
        }
        let owner = FileOwner.of(path)
        if !FileOwner.give(descriptor, to: owner ?? FileOwner.ofNewFile(in: path.parent)) {
            guard owner == nil else { return try overwrite(bytes, because: errno, orThrow: "cannot keep the owner of") }
            FileFailure.warn(.otherOwner, path, errno)
        }
        guard Self.write(bytes, to: descriptor, at: 0) else { throw SecureFile.failure("cannot write", path) }
        // The umask may have removed bits, and a stricter mode of the old file stays.
        try restrict(descriptor, to: (former?.mode ?? 0o600) & 0o600)
        try sync(descriptor)
        guard try isUnchanged() else { return .overtaken }
        guard temporary.withCString({ from in path.withCString { rename(from, $0) } }) == 0 else {
            return try overwrite(bytes, because: errno, orThrow: "cannot replace")
        }
        isRenamed = true
        syncFolder()
        return .done
    }

    /// Whether the file still is what the new content was derived from.
    private func isUnchanged() throws(ConfigurationError) -> Bool {
        var status = stat()
        if path.withCString({ lstat($0, &status) }) == 0, status.st_mode & S_IFMT != S_IFREG {
            throw SecureFile.notRegular(path)
        }
        return isLocked ? true : try SecureFile.read(path, within: .zero)?.bytes == former?.bytes
    }

    // MARK: - In place

    /// Overwrites a file that cannot be replaced for the reason `code`.
    private func overwrite(
        _ bytes: [UInt8], because code: Int32, orThrow problem: String
    ) throws(ConfigurationError) -> Outcome {
        guard let former, FileFailure.isRestriction(code) else { throw SecureFile.failure(problem, path, code) }
        guard try isUnchanged() else { return .overtaken }
        let descriptor = path.withCString { open($0, O_WRONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK) }
        guard descriptor >= 0 else { throw SecureFile.failure("cannot write", path) }
        defer { close(descriptor) }
        var status = stat()
        guard fstat(descriptor, &status) == 0, status.st_mode & S_IFMT == S_IFREG else {
            throw SecureFile.notRegular(path)
        }
        let copy = path + Self.copySuffix
        let hasCopy = keepCopy(of: former.bytes, at: copy)
        guard Self.overwrite(descriptor, former.bytes, with: bytes) else {
            throw SecureFile.failure("cannot write", path)
        }
        try restrict(descriptor, to: former.mode & 0o600)
        try sync(descriptor)
        if hasCopy { _ = copy.withCString { unlink($0) } }
        FileFailure.warn(hasCopy ? .overwritten : .overwrittenWithoutCopy, path, code)
        return .done
    }

    /// The end of the name of the copy that exists while a file is overwritten.
    static let copySuffix = ".backup"

    private func keepCopy(of bytes: [UInt8], at copy: FilePath) -> Bool {
        _ = copy.withCString { unlink($0) }
        let descriptor = copy.withCString { open($0, O_CREAT | O_EXCL | O_WRONLY | O_CLOEXEC | O_NOFOLLOW, 0o600) }
        guard descriptor >= 0 else { return false }
        defer { close(descriptor) }
        _ = FileOwner.give(descriptor, to: FileOwner.of(path))
        guard Self.write(bytes, to: descriptor, at: 0), (try? sync(descriptor)) != nil else {
            _ = copy.withCString { unlink($0) }
            return false
        }
        return true
    }

    /// Overwrites the content of an open file; when that fails, restores the old content as far as possible.
    private static func overwrite(_ descriptor: Int32, _ old: [UInt8], with new: [UInt8]) -> Bool {
        // The part beyond the old end first: if the disk is full, nothing is lost.
        let common = min(old.count, new.count)
        if write(Array(new[common...]), to: descriptor, at: common),
            write(Array(new[..<common]), to: descriptor, at: 0), ftruncate(descriptor, off_t(new.count)) == 0
        {
            return true
        }
        let failure = errno
        _ = write(old, to: descriptor, at: 0)
        _ = ftruncate(descriptor, off_t(old.count))
        errno = failure
        return false
    }

    // MARK: - Steps

    private static func write(_ bytes: [UInt8], to descriptor: Int32, at offset: Int) -> Bool {
        var written = 0
        while written < bytes.count {
            let count = bytes[written...].withUnsafeBytes {
                pwrite(descriptor, $0.baseAddress, $0.count, off_t(offset + written))
            }
            if count < 0 && errno == EINTR { continue }
            guard count > 0 else { return false }
            written += count
        }
        return true
    }

    /// Removes the rights of others, as far as the file system stores any.
    private func restrict(_ descriptor: Int32, to mode: mode_t) throws(ConfigurationError) {
        let code = fchmod(descriptor, mode) == 0 ? 0 : errno
        guard code == 0 || FileFailure.isRestriction(code) else { throw SecureFile.failure("cannot write", path, code) }
        var status = stat()
        // Some file systems ignore modes without an error.
        if fstat(descriptor, &status) == 0, status.st_mode & 0o077 != 0 {
            FileFailure.warn(.notRestricted, path, code)
        }
    }

    private func sync(_ descriptor: Int32) throws(ConfigurationError) {
        guard fsync(descriptor) != 0 else { return }
        guard FileFailure.isRestriction(errno) else { throw SecureFile.failure("cannot write", path) }
        FileFailure.warn(.notSynced, path, errno)
    }

    /// Syncs the folder, without which the new name is not durable.
    private func syncFolder() {
        let directory = path.parent.withCString { open($0, O_RDONLY | O_DIRECTORY | O_CLOEXEC) }
        guard directory >= 0 else { return }
        fsync(directory)
        close(directory)
    }
}

// MARK: - Owners

/// The owner of a file.
///
/// Root may write for another user, who must be able to use the files afterwards. Other users cannot give files away.
struct FileOwner {
    var user: uid_t
    var group: gid_t

    /// Returns the owner of a file; nil when it does not exist.
    static func of(_ path: FilePath) -> FileOwner? {
        var status = stat()
        return path.withCString { stat($0, &status) } == 0
            ? FileOwner(user: status.st_uid, group: status.st_gid) : nil
    }

    /// Returns the owner that root should give a new file in a folder; nil for other users.
    static func ofNewFile(in folder: FilePath) -> FileOwner? { geteuid() == 0 ? of(folder) : nil }

    /// Changes the owner of a file that this process has just created.
    static func give(_ descriptor: Int32, to owner: FileOwner?) -> Bool {
        guard let owner, owner.user != geteuid() else { return true }
        return fchown(descriptor, owner.user, owner.group) == 0
    }
}

// MARK: - Steps that are impossible

/// A safety step that the system does not permit.
enum FileFailure: Hashable {
    case notLocked, notSynced, notRestricted, otherOwner, overwritten, overwrittenWithoutCopy

    /// Whether an error says that the system does not permit or support a step, and not that a device failed.
    ///
    /// File systems differ in the number with which they reject what they do not support.
    static func isRestriction(_ code: Int32) -> Bool {
        switch code {
        case EACCES, EPERM, EROFS, EBUSY, EXDEV, ETXTBSY, EINVAL, ENOSYS, ENOTSUP, EOPNOTSUPP, ENOLCK, ENOTTY,
            ENAMETOOLONG:
            true
        default: false
        }
    }

    private static let reported = Lock<Set<[UInt8]>>([])

    /// Reports that a step was left out, once for each file and step.
    static func warn(_ step: FileFailure, _ path: FilePath, _ code: Int32) {
        let key = Array("\(step)".utf8) + [0] + path.bytes
        guard reported.withLock({ $0.insert(key).inserted }) else { return }
        let reason = code == 0 ? "" : " (\(String(cString: strerror(code))))"
        BlockingWork.current.onWarning(step.sentence(path, reason))
    }

    private func sentence(_ path: FilePath, _ reason: String) -> String {
        switch self {
        case .notLocked:
            "\(path) cannot be locked\(reason): do not change the file with two programs at the same time"
        case .notSynced: "\(path) cannot be synced\(reason): a power failure may undo the change"
        case .notRestricted:
            "\(path) can be read by other users, because its file system does not store who may read it\(reason)"
        case .otherOwner: "\(path) does not belong to the owner of its folder\(reason)"
        case .overwritten: "\(path) cannot be replaced\(reason), so it was overwritten in place"
        case .overwrittenWithoutCopy:
            "\(path) cannot be replaced\(reason), so it was overwritten in place, without a copy beside it"
        }
    }
}
