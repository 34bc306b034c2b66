import Synchronization

/// A limit on what one account may have in progress at a time, such as exports.
final class AccountLimit: Sendable {
    /// A place within the limit, which is free again when this object is released.
    final class Slot: Sendable {
        private let limit: AccountLimit
        private let accountID: String

        fileprivate init(_ limit: AccountLimit, _ accountID: String) {
            self.limit = limit
            self.accountID = accountID
        }

        deinit { limit.free(accountID) }
    }

    let count: Int
    private let taken = Mutex<[String: Int]>([:])

    init(_ count: Int) { self.count = count }

    /// Returns a place, or nil if the account has used all of them.
    func take(_ accountID: String) -> Slot? {
        let isFree = taken.withLock { taken in
            guard taken[accountID, default: 0] < count else { return false }
            taken[accountID, default: 0] += 1
            return true
        }
        return isFree ? Slot(self, accountID) : nil
    }

    private func free(_ accountID: String) {
        taken.withLock { taken in
            let rest = (taken[accountID] ?? 1) - 1
            taken[accountID] = rest > 0 ? rest : nil
        }
    }
}

/// The limits on the work that one account may cause at a time.
struct AccountLimits: Sendable {
    /// Searches of the audit log that wait or run.
    let searches = AccountLimit(8)
    /// CSV exports that are being sent.
    let exports = AccountLimit(2)
    /// Streams of new audit events.
    let streams = AccountLimit(16)
    /// Outputs of pods that are being read.
    let logs = AccountLimit(16)
    /// Commands that run in pods, with or without a terminal.
    let commands = AccountLimit(16)
    /// Files of pods that are being read or written.
    let files = AccountLimit(8)
    /// Measurements of pods.
    let measurements = AccountLimit(8)
}
