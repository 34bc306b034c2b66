import Podstack
import Synchronization

/// One line on standard error that says how far a scan has come; it makes room for whatever else is written.
final class ScanProgress: Sendable {
    private let context: Context
    private let counts: ScanCounts
    private let isShown = Mutex(false)

    init(_ context: Context, _ counts: ScanCounts) {
        self.context = context
        self.counts = counts
    }

    /// Shows the line while `body` runs, once that takes long.
    func during(_ body: () async -> Void) async {
        guard context.showsProgress else { return await body() }
        let ticker = Task { [self] in
            try await context.time.sleep(.seconds(1))
            while !Task.isCancelled {
                isShown.withLock { isShown in
                    isShown = true
                    context.standardError("\r\u{1B}[KSearched \(counts.text)")
                }
                try await context.time.sleep(.milliseconds(200))
            }
        }
        await body()
        ticker.cancel()
        _ = try? await ticker.value
        interrupted(by: {})
    }

    /// Writes something else.
    func interrupted(by write: () -> Void) {
        isShown.withLock { isShown in
            if isShown { context.standardError("\r\u{1B}[K") }
            isShown = false
            write()
        }
    }
}
