import Synchronization

/// That a variable came from a `.env`, and what follows from it.
struct DotEnvOrigin: Sendable, Hashable {
    var path: String
    var line: Int
    /// Which loading of a file it was: two files may go by one path.
    var load: UInt64 = 0
    /// What the file gave it; a variable that was changed since is no longer the file's.
    var value: String
    /// Written in the file itself, so that a token may vouch for an endpoint beside it.
    var isLiteral: Bool
    /// The program said that the file may steer where tokens go.
    var isTrusted: Bool
    /// It was found above the working directory, where the user may not expect it.
    var isInParent: Bool
}

extension DotEnvOrigin {
    private static let loads = Atomic<UInt64>(0)

    /// The number of one more loading.
    static func nextLoad() -> UInt64 { loads.add(1, ordering: .relaxed).newValue }

    /// What ``DotEnv/load(_:override:trust:onEvent:)`` has set in this process.
    enum OfProcess {
        private static let origins = Mutex<[String: DotEnvOrigin]>([:])
        /// Most programs never load one, and need not take the lock.
        private static let isUsed = Atomic(false)

        static func note(_ new: [String: DotEnvOrigin]) {
            guard !new.isEmpty else { return }
            origins.withLock { $0.merge(new) { $1 } }
            isUsed.store(true, ordering: .releasing)
        }

        static var all: [String: DotEnvOrigin] {
            isUsed.load(ordering: .acquiring) ? origins.withLock { $0 } : [:]
        }
    }
}
