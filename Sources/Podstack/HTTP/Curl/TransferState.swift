/// The life of one transfer as its caller sees it: a cancellation may come before, during or after the transfer. Pure.
struct TransferState {
    private enum Phase { case created, submitted, cancelled }
    private var phase = Phase.created

    /// Whether the transfer may start: not when it was cancelled before.
    mutating func submit() -> Bool {
        guard phase == .created else { return false }
        phase = .submitted
        return true
    }

    /// Whether somebody must be told to stop it.
    mutating func cancel() -> Bool {
        defer { phase = .cancelled }
        return phase == .submitted
    }
}
