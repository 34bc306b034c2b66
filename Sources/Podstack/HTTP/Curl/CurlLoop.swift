#if os(Linux)
    import CCurl
    import CPosix
    import Glibc

    /// All transfers of a transport: libcurl says which sockets to watch, and does the rest when they are ready.
    final class CurlLoop {
        /// Handles that are kept for the next requests.
        private static let mostIdle = 64

        let occupancy = Occupancy()
        private let options: ConnectionOptions
        private let multi: UnsafeMutableRawPointer
        private let sockets: WatchedSockets
        /// Known to libcurl; each knows its place.
        private var active: [EasyHandle] = []
        private var idle: [EasyHandle] = []
        /// What their callers have not been told yet.
        private var results: [(transfer: Transfer, status: Result<Int, any Error>)] = []
        /// Behind the limit of transfers under way.
        private var queue = TransferQueue()
        /// When libcurl wants to be called even if no socket is ready.
        private var timer: ContinuousClock.Instant?

        /// Initialised once, whichever transport comes first.
        private static let isReady = curl_global_init(Int(CURL_GLOBAL_ALL)) == CURLE_OK

        init?(_ options: ConnectionOptions, epoll: Int32) {
            guard Self.isReady, let multi = curl_multi_init() else { return nil }
            self.options = options
            self.multi = multi
            sockets = WatchedSockets(epoll: epoll)
            podstack_multi_setopt_long(multi, CURLMOPT_MAXCONNECTS, options.concurrency)
            podstack_multi_setopt_long(multi, CURLMOPT_PIPELINING, Int(CURLPIPE_MULTIPLEX))
            // Callbacks come only from calls that this object makes, so it is there.
            let context = Unmanaged.passUnretained(self).toOpaque()
            podstack_multi_socket_function(
                multi,
                { _, socket, what, context, _ in
                    guard let context else { return -1 }
                    Unmanaged<CurlLoop>.fromOpaque(context).takeUnretainedValue().watch(socket, what)
                    return 0
                }, context)
            podstack_multi_timer_function(
                multi,
                { _, milliseconds, context in
                    guard let context else { return -1 }
                    Unmanaged<CurlLoop>.fromOpaque(context).takeUnretainedValue().timer =
                        milliseconds < 0 ? nil : .now + .milliseconds(milliseconds)
                    return 0
                }, context)
        }

        /// In milliseconds, for epoll.
        var sleepingTime: Int32 {
            guard var first = timer ?? queue.nextDeadline else { return -1 }
            if let deadline = queue.nextDeadline { first = min(first, deadline) }
            let left = first - .now
            // Rounded up: to wake too early is to spin.
            return left > .zero ? Int32(clamping: left.milliseconds + 1) : 0
        }

        func handle(_ event: epoll_event) {
            guard sockets.isAwaited(event.data.fd) else { return }
            var mask: Int32 = 0
            if event.events & EPOLLIN.rawValue != 0 { mask |= CURL_CSELECT_IN }
            if event.events & EPOLLOUT.rawValue != 0 { mask |= CURL_CSELECT_OUT }
            if event.events & (EPOLLERR.rawValue | EPOLLHUP.rawValue) != 0 { mask |= CURL_CSELECT_ERR }
            var running: Int32 = 0
            curl_multi_socket_action(multi, event.data.fd, mask, &running)
        }

        /// After sockets were handled, a timer is due, or a transfer was added.
        func advance() {
            fireTimer()
            // A transfer may be over as soon as it is started, and its end makes room for the next.
            repeat { collect() } while startWaiting()
            endExpired()
            tellResults()
            occupancy.waiting.store(queue.count, ordering: .relaxed)
        }

        func start(_ transfer: Transfer, at now: ContinuousClock.Instant) {
            guard queue.isEmpty, active.count < options.concurrency, !transfer.completion.isFinished else {
                return queue.append(transfer)
            }
            begin(transfer, at: now)
        }

        func cancel(_ transfer: Transfer) {
            guard !transfer.completion.isFinished else { return }
            transfer.completion.finish(.failure(CancellationError()))
            if let handle = active.first(where: { $0.transfer === transfer }) {
                retire(handle)
            } else {
                queue.noteEnd()
            }
        }

        // MARK: - How soon answers come

        /// What a thread may wait for an answer in the place of the loop's own.
        static let atOnce = Duration.microseconds(250)
        private var usualTime = Duration.seconds(1)

        /// Whether the service is so near that answers come sooner than a thread is awake.
        var answersAtOnce: Bool { usualTime < Self.atOnce }
        var isIdle: Bool { active.isEmpty && queue.isEmpty }
        var isLone: Bool { active.count == 1 && queue.isEmpty }

        private func learn(_ transfer: Transfer) {
            // With many at once the time says nothing of the way.
            guard active.count <= 1 else { return }
            usualTime = (usualTime * 3 + min(.now - transfer.started, .seconds(1))) / 4
        }

        private func fireTimer() {
            guard let due = timer, due <= .now else { return }
            timer = nil
            var running: Int32 = 0
            curl_multi_socket_action(multi, CURL_SOCKET_TIMEOUT, 0, &running)
        }

        private func watch(_ socket: Int32, _ what: Int32) {
            var events: UInt32 = 0
            if what != CURL_POLL_REMOVE {
                if what & CURL_POLL_IN != 0 { events |= EPOLLIN.rawValue }
                if what & CURL_POLL_OUT != 0 { events |= EPOLLOUT.rawValue }
            }
            sockets.wait(for: events, on: socket)
        }

        // MARK: - Transfers

        private func startWaiting() -> Bool {
            var hasStarted = false
            let now = queue.isEmpty ? nil : ContinuousClock.now
            while let now, active.count < options.concurrency, let transfer = queue.popFirst() {
                begin(transfer, at: now)
                hasStarted = true
            }
            if hasStarted { fireTimer() }
            return hasStarted
        }

        private func begin(_ transfer: Transfer, at now: ContinuousClock.Instant) {
            let left = (transfer.deadline - now).milliseconds
            guard left > 0 else { return transfer.completion.finish(.failure(TransportFailure.timedOut)) }
            guard let handle = idle.popLast() ?? makeHandle() else {
                return transfer.completion.finish(.failure(TransportFailure(reason: "out of memory")))
            }
            do { try handle.prepare(transfer, timeout: left) } catch {
                idle.append(handle)
                return transfer.completion.finish(.failure(error))
            }
            handle.index = active.count
            active.append(handle)
            occupancy.active.store(active.count, ordering: .relaxed)
            if curl_multi_add_handle(multi, handle.raw) != CURLM_OK {
                retire(handle)
                let failure = TransportFailure(reason: "the request could not be started")
                transfer.completion.finish(.failure(failure))
            }
        }

        private func makeHandle() -> EasyHandle? {
            guard let handle = EasyHandle(options, sockets) else { return nil }
            occupancy.handles.add(1, ordering: .relaxed)
            return handle
        }

        private func collect() {
            var left: Int32 = 0
            while let message = curl_multi_info_read(multi, &left) {
                guard message.pointee.msg == CURLMSG_DONE, let raw = message.pointee.easy_handle,
                    let handle = EasyHandle.owner(of: raw), let transfer = handle.transfer
                else { continue }
                let result = handle.result(podstack_message_result(message))
                learn(transfer)
                retire(handle)
                results.append((transfer, result))
            }
        }

        /// When all that was ready has been dealt with: whoever is told has the next request soon.
        private func tellResults() {
            for (transfer, status) in results { transfer.completion.finish(status) }
            results.removeAll(keepingCapacity: true)
        }

        private func endExpired() {
            guard let deadline = queue.nextDeadline, deadline <= .now else { return }
            for transfer in queue.removeExpired(at: .now) {
                transfer.completion.finish(.failure(TransportFailure.timedOut))
            }
        }

        /// Takes a handle off libcurl and keeps it for the next request.
        private func retire(_ handle: EasyHandle) {
            curl_multi_remove_handle(multi, handle.raw)
            handle.release()
            let last = active.removeLast()
            if last !== handle {
                last.index = handle.index
                active[handle.index] = last
            }
            occupancy.active.store(active.count, ordering: .relaxed)
            if idle.count < Self.mostIdle {
                idle.append(handle)
            } else {
                occupancy.handles.subtract(1, ordering: .relaxed)
            }
        }

        func cleanUp() {
            while let handle = active.last {
                let completion = handle.transfer?.completion
                retire(handle)
                completion?.finish(.failure(CancellationError()))
            }
            while let transfer = queue.popFirst() { transfer.completion.finish(.failure(CancellationError())) }
            idle = []
            curl_multi_cleanup(multi)
        }
    }
#endif
