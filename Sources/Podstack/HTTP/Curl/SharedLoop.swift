#if os(Linux)
    import CPosix
    import Glibc
    import Synchronization

    /// The loop of a transport, its inbox, and whoever runs it.
    ///
    /// That is the thread of the loop, but for a lone request to a service that answers within microseconds: its caller
    /// runs the loop that long itself, since to wake two threads takes longer than such an answer.
    ///
    /// A child made by `fork` has neither the thread nor sockets of its own: there it must not be used.
    final class SharedLoop: Sendable {
        private enum Command {
            case start(Transfer)
            case cancel(Transfer)
        }

        private struct Inbox {
            var commands: [Command] = []
            var hasThread = false
        }

        /// Who may touch the loop.
        private enum Owner: Int, AtomicRepresentable { case nobody, caller, thread }

        // Safe: only the owner touches it, and the atomic `owner` orders what one owner did before the next.
        private struct Owned: @unchecked Sendable { let loop: CurlLoop? }

        private let owned: Owned
        private let owner = Atomic(Owner.nobody)
        private let inbox = Mutex(Inbox())
        /// Set while the owner waits, so that only then somebody must wake it.
        private let sleeps = Atomic(false)
        private let isStopped = Atomic(false)
        private let epoll = epoll_create1(Int32(EPOLL_CLOEXEC))
        /// Made readable to end the wait of the owner, or of the thread that is none.
        private let wakeUp = eventfd(0, Int32(EFD_CLOEXEC) | Int32(EFD_NONBLOCK))
        private let handover = eventfd(0, Int32(EFD_CLOEXEC))

        var occupancy: Occupancy? { owned.loop?.occupancy }
        /// Requests whose callers have no answer yet.
        let unanswered = Atomic(0)

        init(options: ConnectionOptions) {
            owned = Owned(loop: CurlLoop(options, epoll: epoll))
            var event = epoll_event(events: EPOLLIN.rawValue, data: epoll_data_t(fd: wakeUp))
            epoll_ctl(epoll, EPOLL_CTL_ADD, wakeUp, &event)
        }

        deinit {
            owned.loop?.cleanUp()
            close(handover)
            close(wakeUp)
            close(epoll)
        }

        /// Not when the process had no descriptors left for it.
        var isUsable: Bool { owned.loop != nil && epoll >= 0 && wakeUp >= 0 && handover >= 0 }

        /// Sends the request; the caller waits for its completion afterwards, which may have come when this returns.
        func start(_ transfer: Transfer) {
            guard isUsable else {
                return transfer.completion.finish(.failure(TransportFailure(reason: "too many files are open")))
            }
            let isTaken = inbox.withLock { inbox in
                if !inbox.hasThread { inbox.hasThread = startThread() }
                guard inbox.hasThread else { return false }
                inbox.commands.append(.start(transfer))
                return true
            }
            guard let loop = owned.loop, isTaken else {
                return transfer.completion.finish(.failure(TransportFailure(reason: "libcurl could not be started")))
            }
            guard take(as: .caller) else { return wakeOwner() }
            lead(loop, transfer.completion)
        }

        func cancel(_ transfer: Transfer) {
            guard let loop = owned.loop else { return }
            inbox.withLock { $0.commands.append(.cancel(transfer)) }
            guard take(as: .caller) else { return wakeOwner() }
            obey(loop)
            release(loop)
        }

        func stop() {
            isStopped.store(true, ordering: .sequentiallyConsistent)
            eventfd_write(handover, 1)
            eventfd_write(wakeUp, 1)
        }

        // MARK: - Owners

        private func take(as new: Owner) -> Bool {
            owner.compareExchange(expected: .nobody, desired: new, ordering: .sequentiallyConsistent).exchanged
        }

        private func wakeOwner() {
            if sleeps.exchange(false, ordering: .sequentiallyConsistent) { eventfd_write(wakeUp, 1) }
        }

        /// Ends a caller's turn: the thread goes on when there is anything to wait for.
        private func release(_ loop: CurlLoop) {
            while true {
                guard loop.isIdle, loop.answersAtOnce else {
                    owner.store(.thread, ordering: .sequentiallyConsistent)
                    eventfd_write(handover, 1)
                    return
                }
                owner.store(.nobody, ordering: .sequentiallyConsistent)
                // What came in meanwhile found an owner, and left.
                guard hasMail, take(as: .caller) else { return }
                obey(loop)
            }
        }

        /// Runs the loop for as long as it takes less than to wake the thread.
        private func lead(_ loop: CurlLoop, _ completion: Completion<Int>) {
            obey(loop)
            guard loop.answersAtOnce else { return release(loop) }
            let end = ContinuousClock.now + CurlLoop.atOnce
            var events = [epoll_event](repeating: epoll_event(), count: 16)
            while !completion.isFinished, loop.isLone {
                let left = end - .now
                guard left > .zero else { break }
                var descriptor = pollfd(fd: epoll, events: Int16(POLLIN), revents: 0)
                var time = timespec(tv_sec: 0, tv_nsec: Int(left.components.attoseconds / 1_000_000_000))
                sleep { ppoll(&descriptor, 1, &time, nil) }
                let count = epoll_wait(epoll, &events, Int32(events.count), 0)
                handle(events.prefix(max(0, Int(count))), loop)
            }
            release(loop)
        }

        /// Waits with `body`, unless mail came before anybody knew that.
        private func sleep(_ body: () -> Int32) {
            sleeps.store(true, ordering: .sequentiallyConsistent)
            if !hasMail { _ = body() }
            sleeps.store(false, ordering: .sequentiallyConsistent)
        }

        private var hasMail: Bool { inbox.withLock { !$0.commands.isEmpty } }

        private func handle(_ events: ArraySlice<epoll_event>, _ loop: CurlLoop) {
            for event in events {
                if event.data.fd == wakeUp {
                    var value: eventfd_t = 0
                    eventfd_read(wakeUp, &value)
                } else {
                    loop.handle(event)
                }
            }
            obey(loop)
        }

        private func obey(_ loop: CurlLoop) {
            var commands: [Command] = []
            inbox.withLock { swap(&$0.commands, &commands) }
            let now = ContinuousClock.now
            for command in commands {
                switch command {
                case .start(let transfer): loop.start(transfer, at: now)
                case .cancel(let transfer): loop.cancel(transfer)
                }
            }
            loop.advance()
        }

        // MARK: - The thread

        /// With the first request.
        private func startThread() -> Bool {
            guard owned.loop != nil else { return false }
            // The signals of the process are for threads that expect them.
            var all = sigset_t()
            var previous = sigset_t()
            sigfillset(&all)
            pthread_sigmask(SIG_SETMASK, &all, &previous)
            defer { pthread_sigmask(SIG_SETMASK, &previous, nil) }
            var thread = pthread_t()
            let context = Unmanaged.passRetained(self).toOpaque()
            let failure = pthread_create(
                &thread, nil,
                { context in
                    if let context { Unmanaged<SharedLoop>.fromOpaque(context).takeRetainedValue().run() }
                    return nil
                }, context)
            guard failure == 0 else {
                Unmanaged<SharedLoop>.fromOpaque(context).release()
                return false
            }
            pthread_detach(thread)
            return true
        }

        private func run() {
            guard let loop = owned.loop else { return }
            var events = [epoll_event](repeating: epoll_event(), count: 128)
            while true {
                // Until a caller hands the loop over.
                var value: eventfd_t = 0
                eventfd_read(handover, &value)
                while owner.load(ordering: .sequentiallyConsistent) == .thread {
                    // The transport is gone, so no caller is left.
                    if isStopped.load(ordering: .sequentiallyConsistent) { return }
                    obey(loop)
                    if loop.isIdle, loop.answersAtOnce {
                        owner.store(.nobody, ordering: .sequentiallyConsistent)
                        guard hasMail, take(as: .thread) else { break }
                        continue
                    }
                    var count: Int32 = 0
                    sleep {
                        count = epoll_wait(epoll, &events, Int32(events.count), loop.sleepingTime)
                        return count
                    }
                    handle(events.prefix(max(0, Int(count))), loop)
                }
                if isStopped.load(ordering: .sequentiallyConsistent) { return }
            }
        }
    }
#endif
