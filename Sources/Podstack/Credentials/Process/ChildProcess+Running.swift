import Synchronization

#if canImport(Glibc)
    import Glibc
#elseif canImport(Musl)
    import Musl
#elseif canImport(Darwin)
    import Darwin
#endif

extension ChildProcess {
    /// The program that runs, for who may want to end it: its id is good for as long as it was not waited for.
    final class Running: Sendable {
        private let state = Mutex<(id: pid_t?, isCancelled: Bool)>((nil, false))

        var isCancelled: Bool { state.withLock(\.isCancelled) }

        func begin(_ id: pid_t) {
            state.withLock {
                $0.id = id
                if $0.isCancelled { kill(-id, SIGKILL) }
            }
        }

        /// Ends also what the program started and left behind.
        func end() {
            state.withLock {
                if let id = $0.id { kill(-id, SIGKILL) }
                $0.id = nil
            }
        }

        func cancel() {
            state.withLock {
                $0.isCancelled = true
                if let id = $0.id { kill(-id, SIGKILL) }
            }
        }
    }
}
