import Podstack
import Synchronization

#if canImport(Glibc)
    import Glibc
#elseif canImport(Musl)
    import Musl
#elseif canImport(Darwin)
    import Darwin
#endif

/// Waits for the end of a process on its own thread.
final class ProcessEnding: Sendable {
    /// The exit status, or 128 plus the number of the signal; -1 while the process runs.
    let status = Atomic<Int32>(-1)

    init(of id: pid_t) {
        // The wait begins at once: otherwise the process would stay a zombie after its end, and the exit tests of Swift
        // Testing, which look at every child, would loop over it.
        BlockingThread.start { [self] in
            var status: Int32 = 0
            while waitpid(id, &status, 0) < 0, errno == EINTR {}
            let signal = status & 0x7F
            self.status.store(signal == 0 ? (status >> 8) & 0xFF : 128 + signal, ordering: .releasing)
        }
    }
}
