import Podstack
import Synchronization

#if canImport(Glibc)
    import Glibc
#elseif canImport(Musl)
    import Musl
#elseif canImport(Darwin)
    import Darwin
#endif

/// Waits for the end of a process, on a thread of its own.
final class ProcessEnding: Sendable {
    /// -1 until then.
    let status = Atomic<Int32>(-1)

    init(of id: pid_t) {
        // Waited for from the start: what nobody waits for stays as a zombie, and the exit tests of Swift Testing,
        // which look at every child, would go round and round over it.
        BlockingThread.start { [self] in
            var status: Int32 = 0
            while waitpid(id, &status, 0) < 0, errno == EINTR {}
            let signal = status & 0x7F
            self.status.store(signal == 0 ? (status >> 8) & 0xFF : 128 + signal, ordering: .releasing)
        }
    }
}
