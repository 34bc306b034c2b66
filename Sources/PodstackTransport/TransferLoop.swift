#if os(Linux)
    import CPosix
    import Glibc
    import Synchronization

    /// The transfers of a transport: those that libcurl works on, and those that wait for their turn.
    ///
    /// Only the driver of the ``SharedLoop`` uses it.
    final class TransferLoop {
        /// The largest number of libcurl handles that are kept for later requests.
        private static let largestIdleCount = 64

        let counts = TransferCounts()
        private let options: ConnectionOptions
        private let multi: CurlMulti
        /// The handles at work; each knows its index.
        private var active: [CurlHandle] = []
        private var idle: [CurlHandle] = []
        /// The transfers that have ended, until their callers are resumed.
        private var finished: [(transfer: Transfer, status: Result<Int, any Error>)] = []
        private var queue = TransferQueue()
        private var responseTime = ResponseTimeEstimate()

        /// Creates a loop whose sockets `epoll` watches; nil if libcurl cannot be initialized.
        init?(_ options: ConnectionOptions, epoll: Int32) {
            guard let multi = CurlMulti(largestConnectionCount: options.concurrency, epoll: epoll) else { return nil }
            self.options = options
            self.multi = multi
        }

        /// Whether responses arrive sooner than a thread wakes up.
        var isServiceNear: Bool { responseTime.isNear }
        var isIdle: Bool { active.isEmpty && queue.isEmpty }
        var hasSingleTransfer: Bool { active.count == 1 && queue.isEmpty }

        /// The longest time to wait for events in milliseconds; -1 for no limit.
        var waitMilliseconds: Int32 {
            guard var first = multi.timerDeadline ?? queue.nextDeadline else { return -1 }
            if let deadline = queue.nextDeadline { first = min(first, deadline) }
            let left = first - .now
            // Rounded up, because waking too early would mean waiting again for 0 milliseconds.
            return left > .zero ? Int32(clamping: left.milliseconds + 1) : 0
        }

        /// Handles an event of a transfer's socket.
        ///
        /// ``advance()`` follows.
        func handle(_ event: epoll_event) { multi.handle(event) }

        /// Continues after sockets were handled, time passed, or transfers were started or canceled.
        func advance() {
            multi.fireTimer()
            // A transfer may end as soon as it starts, which makes room for the next one.
            repeat { collectFinished() } while startQueued()
            failExpired()
            completeFinished()
            counts.queued.store(queue.count, ordering: .relaxed)
        }

        /// Starts a transfer, or queues it behind the limit of concurrent requests.
        func start(_ transfer: Transfer, at now: ContinuousClock.Instant) {
            guard queue.isEmpty, active.count < options.concurrency, !transfer.promise.isCompleted else {
                return queue.append(transfer)
            }
            begin(transfer, at: now)
        }

        /// Cancels a transfer that has not ended.
        func cancel(_ transfer: Transfer) {
            guard !transfer.promise.isCompleted else { return }
            transfer.promise.fail(CancellationError())
            if let handle = active.first(where: { $0.transfer === transfer }) {
                retire(handle)
            } else {
                queue.countEnded()
            }
        }

        /// Cancels all transfers and frees libcurl's memory.
        ///
        /// The loop must not be used afterwards.
        func cleanUp() {
            while let handle = active.last {
                let promise = handle.transfer?.promise
                retire(handle)
                promise?.fail(CancellationError())
            }
            while let transfer = queue.popFirst() { transfer.promise.fail(CancellationError()) }
            // Handles are freed before the object that shares their connections.
            idle = []
            multi.cleanUp()
        }

        // MARK: - Transfers

        private func startQueued() -> Bool {
            var hasStarted = false
            let now = queue.isEmpty ? nil : ContinuousClock.now
            while let now, active.count < options.concurrency, let transfer = queue.popFirst() {
                begin(transfer, at: now)
                hasStarted = true
            }
            if hasStarted { multi.fireTimer() }
            return hasStarted
        }

        private func begin(_ transfer: Transfer, at now: ContinuousClock.Instant) {
            let left = (transfer.deadline - now).milliseconds
            guard left > 0 else { return transfer.promise.fail(TransportFailure.timedOut) }
            guard let handle = idle.popLast() ?? createHandle() else {
                return transfer.promise.fail(TransportFailure(reason: "out of memory"))
            }
            do { try handle.prepare(transfer, timeoutMilliseconds: left) } catch {
                idle.append(handle)
                return transfer.promise.fail(error)
            }
            handle.index = active.count
            active.append(handle)
            counts.active.store(active.count, ordering: .relaxed)
            if !multi.add(handle) {
                retire(handle)
                transfer.promise.fail(TransportFailure(reason: "the request could not be started"))
            }
        }

        private func createHandle() -> CurlHandle? {
            guard let handle = CurlHandle(options, multi.sockets) else { return nil }
            counts.handles.add(1, ordering: .relaxed)
            return handle
        }

        private func collectFinished() {
            while let (handle, status) = multi.nextFinished() {
                guard let transfer = handle.transfer else { continue }
                // With several transfers at once, the time says little about the distance to the service.
                if active.count <= 1 { responseTime.record(.now - transfer.started) }
                retire(handle)
                finished.append((transfer, status))
            }
        }

        /// Resumes the callers once everything that was ready is handled: each soon makes its next request.
        private func completeFinished() {
            for (transfer, status) in finished { transfer.promise.complete(with: status) }
            finished.removeAll(keepingCapacity: true)
        }

        private func failExpired() {
            guard let deadline = queue.nextDeadline, deadline <= .now else { return }
            for transfer in queue.removeExpired(at: .now) { transfer.promise.fail(TransportFailure.timedOut) }
        }

        /// Removes a handle from libcurl and keeps it for a later request.
        private func retire(_ handle: CurlHandle) {
            multi.remove(handle)
            handle.release()
            let last = active.removeLast()
            if last !== handle {
                last.index = handle.index
                active[handle.index] = last
            }
            counts.active.store(active.count, ordering: .relaxed)
            if idle.count < Self.largestIdleCount {
                idle.append(handle)
            } else {
                counts.handles.subtract(1, ordering: .relaxed)
            }
        }
    }

    /// The sizes of a ``TransferLoop``, readable by any thread.
    final class TransferCounts: Sendable {
        /// The libcurl handles, at work or kept for later requests.
        let handles = Atomic(0)
        /// The transfers that libcurl works on.
        let active = Atomic(0)
        /// The transfers that wait for their turn.
        let queued = Atomic(0)
    }
#endif
