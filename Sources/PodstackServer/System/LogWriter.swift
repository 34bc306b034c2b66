#if canImport(Glibc)
    import Glibc
#elseif canImport(Musl)
    import Musl
#elseif canImport(Darwin)
    import Darwin
#endif

/// A bounded buffer of log lines, which one thread writes to a descriptor.
///
/// A reader that stalls never blocks a thread of the service. Invariants:
///
/// 1. ``add(_:)`` never waits for the descriptor.
/// 2. The buffer holds at most its capacity, including the lines that are being written.
/// 3. Lines are written in the order in which they were added, each as a whole.
/// 4. A line is written, or is counted as dropped. Where lines are missing, one line says how many.
///
/// LogWriterTests shows all of them.
final class LogWriter: Sendable {
    /// Writes bytes, and returns the number that were written; -1 for an error that a later attempt may not have.
    typealias Write = @Sendable (UnsafeRawBufferPointer) -> Int

    /// The writer of standard error.
    static let standardError = LogWriter { writeToDescriptor(STDERR_FILENO, $0) }

    private enum Entry {
        case line([UInt8])
        /// The number of lines that were dropped here.
        case dropped(Int)
    }

    private struct State {
        var entries: [Entry] = []
        /// The bytes of all lines in the buffer, and of those that are being written.
        var bytes = 0
        var isWriting = false
        var hasThread = false
    }

    /// The most bytes that are taken from the buffer at once.
    private static let batchBytes = 64 << 10
    /// The seconds before the writer tries again after an error, such as a full disk.
    private static let retrySeconds = 1.0

    private let capacity: Int
    private let write: Write
    private let state = Monitor(State())
    private let droppedLines = Monitor(0)

    /// Creates a writer without a thread; the first line starts it.
    ///
    /// - Parameters:
    ///   - capacity: The size of the buffer in bytes.
    ///   - write: Writes to the destination; may block.
    init(capacity: Int = 1 << 20, write: @escaping Write) {
        self.capacity = capacity
        self.write = write
    }

    /// The number of lines that were dropped so far.
    var dropped: Int { droppedLines.change(waking: .none) { $0 } }

    /// Adds a line, which ends with a line feed, or drops it if the buffer is full.
    ///
    /// After a drop, lines are accepted again when half of the buffer is free, so that the gaps are few.
    func add(_ line: [UInt8]) {
        let (isAdded, needsThread) = state.change(waking: .all) { state in
            let needsThread = !state.hasThread
            state.hasThread = true
            if case .dropped(let count) = state.entries.last, state.bytes + line.count > capacity / 2 {
                state.entries[state.entries.count - 1] = .dropped(count + 1)
                return (false, needsThread)
            }
            guard state.bytes + line.count <= capacity else {
                state.entries.append(.dropped(1))
                return (false, needsThread)
            }
            state.entries.append(.line(line))
            state.bytes += line.count
            return (true, needsThread)
        }
        if !isAdded { countDropped(1) }
        guard needsThread, !WorkerThread.start({ [self] in run() }) else { return }
        // The next line tries again.
        state.change(waking: .none) { $0.hasThread = false }
    }

    /// Waits until all lines are written.
    ///
    /// - Parameter seconds: The most seconds to wait.
    /// - Returns: Whether all lines are written.
    @discardableResult
    func flush(seconds: Double) -> Bool {
        state.wait(seconds) { $0.entries.isEmpty && !$0.isWriting ? true : nil } ?? false
    }

    private func countDropped(_ count: Int) { droppedLines.change(waking: .none) { $0 += count } }

    // MARK: - The thread

    private func run() {
        // Signals belong to the main thread.
        var signals = sigset_t()
        sigfillset(&signals)
        pthread_sigmask(SIG_BLOCK, &signals, nil)
        var missing = 0
        var isInLine = false
        while true {
            guard let batch = take() else { continue }
            var text: [UInt8] = isInLine ? [UInt8(ascii: "\n")] : []
            var ends: [Int] = []
            for entry in batch {
                switch entry {
                case .line(let line):
                    if missing > 0 { text += Self.droppedLine(missing) }
                    missing = 0
                    text += line
                    ends.append(text.count)
                case .dropped(let count): missing += count
                }
            }
            if missing > 0 { text += Self.droppedLine(missing) }
            let written = writeAll(text)
            if written == text.count {
                missing = 0
                isInLine = false
            } else {
                let lost = ends.count { $0 > written }
                missing += lost
                countDropped(lost)
                isInLine = written > 0 ? text[written - 1] != UInt8(ascii: "\n") : isInLine
                if missing > 0 { keep(missing) }
                missing = 0
            }
            let bytes = batch.reduce(0) { if case .line(let line) = $1 { $0 + line.count } else { $0 } }
            state.change { state in
                state.bytes -= bytes
                state.isWriting = false
            }
            if written < text.count { _ = state.wait(Self.retrySeconds) { _ -> Bool? in nil } }
        }
    }

    /// Waits for lines, and takes as many as are written at once.
    ///
    /// The number of dropped lines at the end may still grow while earlier lines are written, so it is taken alone.
    private func take() -> [Entry]? {
        state.wait(3600) { state in
            guard !state.entries.isEmpty else { return nil }
            var (count, bytes) = (0, 0)
            for entry in state.entries {
                if case .line(let line) = entry { bytes += line.count }
                guard count == 0 || bytes <= Self.batchBytes else { break }
                count += 1
            }
            if count > 1, count == state.entries.count, case .dropped = state.entries[count - 1] { count -= 1 }
            let batch = Array(state.entries.prefix(count))
            state.entries.removeFirst(count)
            state.isWriting = true
            return batch
        }
    }

    /// Puts the number of lost lines before all others.
    private func keep(_ count: Int) {
        state.change(waking: .none) { state in
            if case .dropped(let more) = state.entries.first {
                state.entries[0] = .dropped(more + count)
            } else {
                state.entries.insert(.dropped(count), at: 0)
            }
        }
    }

    private func writeAll(_ bytes: [UInt8]) -> Int {
        var written = 0
        while written < bytes.count {
            let count = bytes.withUnsafeBytes { write(UnsafeRawBufferPointer(rebasing: $0[written...])) }
            guard count > 0 else { break }
            written += count
        }
        return written
    }

    private static func droppedLine(_ count: Int) -> [UInt8] {
        Log.line("log_lines_dropped", level: "warning", [LogField("lines", count)])
    }

    /// Writes to a descriptor, whether it blocks or not.
    private static func writeToDescriptor(_ descriptor: Int32, _ bytes: UnsafeRawBufferPointer) -> Int {
        while true {
            let count = systemWrite(descriptor, bytes.baseAddress, bytes.count)
            if count >= 0 { return count }
            switch errno {
            case EINTR: continue
            case EAGAIN:
                var ready = pollfd(fd: descriptor, events: Int16(POLLOUT), revents: 0)
                poll(&ready, 1, -1)
            default: return -1
            }
        }
    }
}

/// The C library's `write`, which is shadowed by the property of the same name.
private let systemWrite: @Sendable (Int32, UnsafeRawPointer?, Int) -> Int = { write($0, $1, $2) }
