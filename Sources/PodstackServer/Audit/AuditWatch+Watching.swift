import Synchronization

extension AuditWatch {
    /// Of one round, for one watcher.
    enum News {
        case none, over
        case events([UInt8], through: Int64)
    }

    /// A watcher, and how far it is.
    final class Watching: Sendable {
        /// Seconds until the browser has to ask again.
        static let life: Int64 = 600
        /// Seconds of silence after which a watcher is shown that the stream is alive.
        private static let silence: Int64 = 15
        /// Seconds in which a watcher must have taken what was sent.
        private static let patience: Int64 = 30

        let watcher: AuditWatcher
        let stream: ResponseStream
        private let progress: Mutex<Progress>

        private struct Progress {
            var last: Int64
            let began = MonotonicClock.seconds()
            var spokeAt = MonotonicClock.seconds()
            var drainedAt = MonotonicClock.seconds()
        }

        init(_ watcher: AuditWatcher, _ stream: ResponseStream) {
            self.watcher = watcher
            self.stream = stream
            progress = Mutex(Progress(last: watcher.after))
        }

        var last: Int64 { progress.withLock { $0.last } }

        /// Ends the stream of who is gone, or stalls.
        var isDone: Bool {
            if stream.isOver { return true }
            let time = MonotonicClock.seconds()
            let stalls = progress.withLock { progress in
                if stream.isDrained { progress.drainedAt = time }
                return time - progress.drainedAt > Self.patience
            }
            if stalls || stream.isClientGone { stream.cut() }
            return stream.isOver
        }

        func take(_ news: News, at time: Int64) {
            progress.withLock { progress in
                switch news {
                case .over: stream.end()
                case .none: break
                case .events(let bytes, let through):
                    // What did not fit is looked for again.
                    guard stream.write(bytes) else { break }
                    progress.last = through
                    if !bytes.isEmpty { progress.spokeAt = time }
                }
                if time - progress.began >= Self.life { return stream.end() }
                if time - progress.spokeAt >= Self.silence {
                    stream.write(Array(": still here\n\n".utf8))
                    progress.spokeAt = time
                }
            }
        }
    }
}
