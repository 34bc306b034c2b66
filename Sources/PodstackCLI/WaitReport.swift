import Podstack
import PodstackCommandLine
import PodstackSystem
import Synchronization

extension BlockingWork {
    /// Creates the work of a command, which writes to standard error what it waits for, and what it could not do.
    init(of context: Context, format: OutputFormat, isQuiet: Bool) {
        self.init()
        let standardError = context.standardError
        @Sendable func write(_ kind: Message.Kind, _ text: String) {
            Message(kind, TerminalText.printable(text)).write(to: standardError, format: format)
        }
        onWarning = { write(.warning, $0) }
        guard !isQuiet else { return }
        onWait = { write(.info, "waiting for \($0)") }
    }
}

/// Reports once that a command waits for the service, if a response takes longer than ``BlockingWork/noticeDelay``.
final class ServiceWait: Sendable {
    /// Writes the report; nil when no user is at a terminal, so that no timer is started.
    private let report: (@Sendable (String) -> Void)?
    /// Nil while there is no request.
    private let notice = Mutex<Task<Void, any Error>?>(nil)
    private let isReported = Atomic(false)

    /// Creates a report for the requests of the current command.
    ///
    /// Only a user at a terminal wants to know: a slow response is not unusual, and ends by itself.
    init(_ context: Context) {
        report = context.showsProgress ? BlockingWork.current.onWait : nil
    }

    func observe(_ event: ClientEvent) {
        switch event {
        case .requestStarted: begin()
        case .requestFinished, .requestFailed: end()
        default: break
        }
    }

    private func begin() {
        end()
        guard let report, !isReported.load(ordering: .relaxed) else { return }
        let task = Task.detached { [weak self] in
            try await Task.sleep(for: BlockingWork.noticeDelay)
            guard let self, !isReported.exchange(true, ordering: .relaxed) else { return }
            report("the service")
        }
        notice.withLock { $0 = task }
    }

    private func end() {
        notice.withLock { notice in
            notice?.cancel()
            notice = nil
        }
    }
}
