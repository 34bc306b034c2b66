#if os(Linux)
    import CPosix
    import Glibc
    import PodstackSystem
    import Synchronization

    /// Runs a ``TransferLoop`` on whichever thread ``SharedLoopState`` makes the driver.
    ///
    /// A child process made by `fork` has neither the loop's thread nor sockets of its own, so it must not use the loop. What
    /// it does to the loop's descriptors would happen to its parent's.
    final class SharedLoop: Sendable {
        private enum Command {
            case start(Transfer)
            case cancel(Transfer)
        }

        private struct Guarded {
            var state = SharedLoopState()
            var commands: [Command] = []
        }

        // Safe: only the driver uses the loop, and the mutex around the state orders one driver's use before the next's.
        private struct DriverOnly: @unchecked Sendable { let loop: TransferLoop? }

        private let driverOnly: DriverOnly
        private let guarded = Lock(Guarded())
        private let epoll = epoll_create1(Int32(EPOLL_CLOEXEC))
        /// Ends the driver's wait when it is written to; epoll watches it.
        private let wakeUp = eventfd(0, Int32(EFD_CLOEXEC) | Int32(EFD_NONBLOCK))
        /// Wakes the loop's thread while it is not the driver.
        private let handOver = eventfd(0, Int32(EFD_CLOEXEC))

        /// The number of forks before the loop was created.
        private let forks = Fork.count

        /// The requests whose callers have no response yet.
        let pendingCount = Atomic(0)
        var counts: TransferCounts? { driverOnly.loop?.counts }

        init(options: ConnectionOptions) {
            driverOnly = DriverOnly(loop: TransferLoop(options, epoll: epoll))
            var event = epoll_event(events: EPOLLIN.rawValue, data: epoll_data_t(fd: wakeUp))
            epoll_ctl(epoll, EPOLL_CTL_ADD, wakeUp, &event)
        }

        deinit {
            driverOnly.loop?.cleanUp()
            close(handOver)
            close(wakeUp)
            close(epoll)
        }

        /// Whether the process had the memory and the file descriptors for the loop.
        var isUsable: Bool { driverOnly.loop != nil && epoll >= 0 && wakeUp >= 0 && handOver >= 0 }

        /// Starts a transfer.
        ///
        /// Its promise may already be completed when this returns.
        func start(_ transfer: Transfer) {
            guard isUsable else {
                return transfer.promise.fail(TransportFailure(reason: "too many files are open"))
            }
            let action = guarded.withLock { guarded -> SharedLoopState.SubmitAction? in
                if !guarded.state.hasThread { guarded.state.hasThread = startThread() }
                guard guarded.state.hasThread else { return nil }
                guarded.commands.append(.start(transfer))
                return guarded.state.submit()
            }
            guard let loop = driverOnly.loop, let action else {
                return transfer.promise.fail(TransportFailure(reason: "libcurl could not be started"))
            }
            switch action {
            case .drive: drive(loop, until: transfer.promise)
            case .wakeDriver: eventfd_write(wakeUp, 1)
            case .none: break
            }
        }

        /// Cancels a transfer that was started.
        func cancel(_ transfer: Transfer) {
            guard let loop = driverOnly.loop else { return }
            let action = guarded.withLock { guarded in
                guarded.commands.append(.cancel(transfer))
                return guarded.state.submit()
            }
            switch action {
            case .drive:
                runCommands(loop)
                finishCallerTurn(loop)
            case .wakeDriver: eventfd_write(wakeUp, 1)
            case .none: break
            }
        }

        /// Ends the loop's thread.
        ///
        /// No request may be under way.
        func stop() {
            guard forks == Fork.count else { return }
            switch guarded.withLock({ $0.state.stop() }) {
            case .wakeDriver: eventfd_write(wakeUp, 1)
            case .wakeThread: eventfd_write(handOver, 1)
            case .none: break
            }
        }

        // MARK: - The driver

        private func runCommands(_ loop: TransferLoop) {
            var commands: [Command] = []
            guarded.withLock { guarded in
                guarded.state.takeCommands()
                swap(&guarded.commands, &commands)
            }
            let now = ContinuousClock.now
            for command in commands {
                switch command {
                case .start(let transfer): loop.start(transfer, at: now)
                case .cancel(let transfer): loop.cancel(transfer)
                }
            }
            loop.advance()
        }

        private func handle(_ events: ArraySlice<epoll_event>, _ loop: TransferLoop) {
            for event in events {
                if event.data.fd == wakeUp {
                    var value: eventfd_t = 0
                    eventfd_read(wakeUp, &value)
                } else {
                    loop.handle(event)
                }
            }
            runCommands(loop)
        }

        // MARK: - A caller as the driver

        /// Drives the loop for as long as waking the loop's thread would take.
        private func drive(_ loop: TransferLoop, until promise: Promise<Int>) {
            runCommands(loop)
            guard loop.isServiceNear else { return finishCallerTurn(loop) }
            let end = ContinuousClock.now + ResponseTimeEstimate.near
            var events = [epoll_event](repeating: epoll_event(), count: 16)
            while !promise.isCompleted, loop.hasSingleTransfer {
                let left = end - .now
                guard left > .zero else { break }
                if guarded.withLock({ $0.state.beginWait() }) {
                    var descriptor = pollfd(fd: epoll, events: Int16(POLLIN), revents: 0)
                    var time = timespec(tv_sec: 0, tv_nsec: Int(left.components.attoseconds / 1_000_000_000))
                    ppoll(&descriptor, 1, &time, nil)
                    guarded.withLock { $0.state.endWait() }
                }
                let count = epoll_wait(epoll, &events, Int32(events.count), 0)
                handle(events.prefix(max(0, Int(count))), loop)
            }
            finishCallerTurn(loop)
        }

        private func finishCallerTurn(_ loop: TransferLoop) {
            while true {
                let canRelease = loop.isIdle && loop.isServiceNear
                switch guarded.withLock({ $0.state.finishCallerTurn(canRelease: canRelease) }) {
                case .runCommands: runCommands(loop)
                case .release: return
                case .handOver:
                    eventfd_write(handOver, 1)
                    return
                }
            }
        }

        // MARK: - The thread as the driver

        private func startThread() -> Bool {
            driverOnly.loop != nil && BlockingThread.startWithoutSignals { [self] in run() }
        }

        private func run() {
            guard let loop = driverOnly.loop else { return }
            var events = [epoll_event](repeating: epoll_event(), count: 128)
            while true {
                // Sleeps until a caller hands the loop over, or until the loop is stopped.
                var value: eventfd_t = 0
                Fork.outside { _ = eventfd_read(handOver, &value) }
                guard guarded.withLock({ $0.state.isThreadDriver }), drive(loop, &events) else { return }
            }
        }

        /// Drives the loop until it is released.
        ///
        /// - Returns: Whether the thread goes on: false once the loop is stopped.
        private func drive(_ loop: TransferLoop, _ events: inout [epoll_event]) -> Bool {
            while true {
                let canRelease = loop.isIdle && loop.isServiceNear
                switch guarded.withLock({ $0.state.nextThreadStep(canRelease: canRelease) }) {
                case .runCommands: runCommands(loop)
                case .wait:
                    let wait = loop.waitMilliseconds
                    let count = Fork.outside { epoll_wait(epoll, &events, Int32(events.count), wait) }
                    guarded.withLock { $0.state.endWait() }
                    handle(events.prefix(max(0, Int(count))), loop)
                case .release: return true
                case .end: return false
                }
            }
        }
    }
#endif
