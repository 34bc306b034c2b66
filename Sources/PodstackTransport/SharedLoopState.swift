/// Decides which thread drives libcurl, and when it must be woken.
///
/// A state machine without effects: its methods return the action that their caller takes, and ``SharedLoop`` takes it.
/// ``SharedLoop`` guards it with the mutex of the command queue, so that each step is atomic with the commands it is about.
///
/// libcurl may be driven by one thread at a time, the *driver*. Usually that is the loop's own thread. But if the service
/// is so near that a response arrives sooner than a thread wakes up, the thread that makes a single request drives libcurl
/// itself, which saves two context switches. The loop's own thread then sleeps until the loop is handed to it.
///
/// ```
///                    submit: .drive                         finishCallerTurn: .handOver
///   ┌──────────────┐ ─────────────▶ ┌────────────────────┐ ───────────────────────▶ ┌──────────────────────┐
///   │    no driver │                │ a caller drives    │                          │ the thread drives    │
///   │    loop idle │ ◀───────────── │ running or waiting │                          │ running or waiting   │
///   └──────────────┘    .release    └────────────────────┘                          └──────────────────────┘
///          ▲                  submit, while a driver waits: .wakeDriver                        │    │
///          │                  submit, while a driver runs:  .none                              │    │ stop
///          └─────────────────────── nextThreadStep: .release ──────────────────────────────────┘    ▼
///                                                                                                 ended
/// ```
///
/// Invariants, with the test of `SharedLoopStateTests` that shows each:
/// 1. At most one thread drives: ``submit()`` returns `.drive` only if there is no driver, and that makes the caller the
///    driver (`oneDriver`).
/// 2. No command is left behind: a driver releases the loop or waits only if there are no commands (`noLostCommand`).
/// 3. No wake-up is lost: a command submitted while the driver waits, or after it decided to wait, returns `.wakeDriver`
///    (`wakesWaitingDriver`).
/// 4. A driver is woken at most once for each wait, and a running driver never, so a busy loop costs no system call per
///    request (`wakesOnce`).
/// 5. A loop is released only if it is idle and the service is near; otherwise its thread keeps it, because the next
///    caller would have to hand it over again (`keepsBusyLoop`).
/// 6. After ``stop()`` the thread ends, whichever thread was the driver (`stopsFromEveryState`).
/// 7. Random interleavings of callers, the thread and stop keep 1 to 4 and end without a command left (`randomSchedules`).
struct SharedLoopState: Sendable {
    /// The thread that may use libcurl.
    enum Driver: Sendable { case none, caller, thread }

    /// The action of a thread that submitted a command.
    enum SubmitAction: Sendable {
        /// The caller is the driver now and must run the commands.
        case drive
        /// The caller must end the driver's wait.
        case wakeDriver
        /// The driver is running and will find the command.
        case none
    }

    /// The action of a caller at the end of its turn.
    enum CallerAction: Sendable {
        case runCommands
        /// The loop has no driver now.
        case release
        /// The caller must wake the loop's thread, which is the driver now.
        case handOver
    }

    /// The action of the loop's thread while it is the driver.
    enum ThreadAction: Sendable {
        case runCommands
        /// Wait for events, then call ``endWait()``.
        case wait
        /// The loop has no driver now.
        case release
        /// End the thread.
        case end
    }

    /// The action of the thread that stops the loop.
    enum StopAction: Sendable {
        /// The caller must end the driver's wait.
        case wakeDriver
        /// The caller must wake the loop's thread, which is not the driver.
        case wakeThread
        /// The driver will hand over to the thread.
        case none
    }

    private(set) var driver = Driver.none
    /// Whether commands were submitted that no driver has taken.
    private(set) var hasCommands = false
    /// Whether the driver waits for events and must be woken for a command.
    private(set) var isWaiting = false
    private(set) var isStopped = false
    /// Whether the loop's thread exists.
    ///
    /// It is started with the first request.
    var hasThread = false
    /// Whether the loop's thread, when it is woken, is the driver: false once the loop is stopped.
    var isThreadDriver: Bool { driver == .thread && !isStopped }

    /// Records a new command.
    mutating func submit() -> SubmitAction {
        hasCommands = true
        if driver == .none {
            driver = .caller
            return .drive
        }
        guard isWaiting else { return .none }
        isWaiting = false
        return .wakeDriver
    }

    /// Records that the driver takes all commands.
    mutating func takeCommands() { hasCommands = false }

    /// Returns whether the driver may wait; otherwise it must run commands first.
    mutating func beginWait() -> Bool {
        isWaiting = !hasCommands
        return isWaiting
    }

    /// Records that the driver's wait ended, for whatever reason.
    mutating func endWait() { isWaiting = false }

    /// Ends a caller's turn as the driver.
    ///
    /// - Parameter canRelease: Whether the loop is idle and the service is near.
    /// - Returns: The action of the caller.
    mutating func finishCallerTurn(canRelease: Bool) -> CallerAction {
        guard canRelease, !isStopped else {
            driver = .thread
            return .handOver
        }
        if hasCommands { return .runCommands }
        driver = .none
        return .release
    }

    /// Returns the next step of the loop's thread as the driver.
    ///
    /// - Parameter canRelease: Whether the loop is idle and the service is near.
    /// - Returns: The action of the thread.
    mutating func nextThreadStep(canRelease: Bool) -> ThreadAction {
        if isStopped { return .end }
        if hasCommands { return .runCommands }
        guard canRelease else {
            isWaiting = true
            return .wait
        }
        driver = .none
        return .release
    }

    /// Stops the loop.
    ///
    /// The transport is gone then, so no request is left.
    mutating func stop() -> StopAction {
        isStopped = true
        switch driver {
        case .none: return .wakeThread
        case .caller: return .none
        case .thread: return .wakeDriver
        }
    }
}

/// An estimate of how long the service takes to respond to a single request.
struct ResponseTimeEstimate {
    /// The longest time that a caller drives libcurl itself.
    static let near = Duration.microseconds(250)

    private var average = Duration.seconds(1)

    /// Whether responses arrive sooner than a thread wakes up.
    var isNear: Bool { average < Self.near }

    /// Includes the time of one request in the moving average.
    mutating func record(_ time: Duration) { average = (average * 3 + min(time, .seconds(1))) / 4 }
}
