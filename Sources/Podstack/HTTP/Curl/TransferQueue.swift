/// Requests that wait for their turn, first come first served. Pure.
struct TransferQueue {
    private var transfers: [Transfer?] = []
    private var head = 0
    private var ended = 0
    /// No transfer's time is over before this.
    private(set) var nextDeadline: ContinuousClock.Instant?

    var isEmpty: Bool { head == transfers.count }
    var count: Int { transfers.count - head }

    mutating func append(_ transfer: Transfer) {
        transfers.append(transfer)
        nextDeadline = min(nextDeadline ?? transfer.deadline, transfer.deadline)
    }

    /// One that has not ended meanwhile.
    mutating func popFirst() -> Transfer? {
        while head < transfers.count {
            let transfer = transfers[head]
            transfers[head] = nil
            head += 1
            if let transfer, !transfer.completion.isFinished {
                dropTaken()
                return transfer
            }
            ended = max(0, ended - 1)
        }
        transfers.removeAll(keepingCapacity: transfers.capacity <= 1024)
        head = 0
        nextDeadline = nil
        return nil
    }

    /// To call when one of them ended; those are taken out when they are the most.
    mutating func noteEnd() {
        ended += 1
        if ended * 2 > count { keep { !$0.completion.isFinished } }
    }

    mutating func removeExpired(at now: ContinuousClock.Instant) -> [Transfer] {
        guard let nextDeadline, nextDeadline <= now else { return [] }
        var expired: [Transfer] = []
        keep { transfer in
            if transfer.deadline <= now { expired.append(transfer) }
            return transfer.deadline > now && !transfer.completion.isFinished
        }
        return expired
    }

    private mutating func keep(_ isKept: (Transfer) -> Bool) {
        transfers = transfers[head...].filter { $0.map(isKept) ?? false }
        head = 0
        ended = 0
        nextDeadline = transfers.lazy.compactMap { $0?.deadline }.min()
    }

    /// An array that only grows at one end would keep the places of all that ever were in it.
    private mutating func dropTaken() {
        guard head > 256, head * 2 > transfers.count else { return }
        transfers.removeFirst(head)
        head = 0
    }
}
