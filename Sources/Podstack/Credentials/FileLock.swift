import Synchronization

#if canImport(Glibc)
    import Glibc
#elseif canImport(Musl)
    import Musl
#elseif canImport(Darwin)
    import Darwin
#endif

/// A lock between processes, on a file that is there for nothing else. The end of a process releases it.
package final class FileLock: Sendable {
    private let path: String
    private let descriptor: Mutex<Int32>

    /// Makes the file when it is not there, for whom its folder belongs to.
    /// Throws ``ConfigurationError`` when it cannot be opened, or is a link.
    init(_ path: String) throws(ConfigurationError) {
        self.path = path
        let flags = O_CREAT | O_RDWR | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK
        var opened = open(path, flags | O_EXCL, 0o600)
        if opened >= 0 {
            // What somebody else made stays theirs: behind its name may be a second one of any file.
            guard FileOwner.give(opened, to: FileOwner.ofNew(in: SecureFile.parent(of: path))) else {
                throw SecureFile.failure("cannot set the owner of", path)
            }
        } else if errno == EEXIST {
            opened = open(path, flags, 0o600)
        }
        guard opened >= 0 else { throw SecureFile.failure("cannot lock", path) }
        descriptor = Mutex(opened)
    }

    deinit { release() }

    /// Blocks until nobody else has it.
    func wait() throws(ConfigurationError) {
        let opened = descriptor.withLock(\.self)
        while flock(opened, LOCK_EX) != 0 {
            guard errno == EINTR else { throw SecureFile.failure("cannot lock", path) }
        }
    }

    /// Whether nobody else had it.
    func take() throws(ConfigurationError) -> Bool {
        if flock(descriptor.withLock(\.self), LOCK_EX | LOCK_NB) == 0 { return true }
        guard errno == EWOULDBLOCK || errno == EINTR else { throw SecureFile.failure("cannot lock", path) }
        return false
    }

    package func release() {
        descriptor.withLock {
            if $0 >= 0 { close($0) }
            $0 = -1
        }
    }
}
