/// How long the parts of an answer took. Source: Server Timing, W3C.
struct Stopwatch {
    private var last = ContinuousClock.now
    private(set) var header = ""

    /// Of what came since the part before.
    mutating func note(_ part: StaticString) {
        let now = ContinuousClock.now
        let microseconds = (now - last) / .microseconds(1)
        header += (header.isEmpty ? "" : ", ") + "\(part);dur=\(microseconds.rounded() / 1000)"
        last = now
    }
}
