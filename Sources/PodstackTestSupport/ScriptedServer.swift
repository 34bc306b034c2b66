import Synchronization

#if canImport(Glibc)
    import Glibc
#elseif canImport(Musl)
    import Musl
#endif

/// A socket that replies to each request with exactly the text of a script, then closes.
package final class ScriptedServer: Sendable {
    private let listener: LoopbackListener
    private let heads: Heads

    private final class Heads: Sendable {
        let value = Mutex<[String]>([])
    }

    package enum Reply: Sendable {
        case text(String)
        /// One byte after another, with pauses between them.
        case drip(String, milliseconds: UInt32)
        /// No reply, on a connection that stays open.
        case silence
        /// A reset of the connection.
        case reset
    }

    /// Starts a server whose script returns a text.
    ///
    /// - Parameter script: Returns the whole response to the head of a request; nil for silence.
    /// - Throws: An error if the socket cannot listen.
    package convenience init(_ script: @escaping @Sendable (_ request: String) -> String?) throws {
        try self.init(replying: { script($0).map { .text($0) } ?? .silence })
    }

    package init(replying script: @escaping @Sendable (_ request: String) -> Reply) throws {
        let heads = Heads()
        self.heads = heads
        listener = try LoopbackListener { connection in
            var head = ""
            while !head.contains("\r\n\r\n") {
                let bytes = connection.read()
                guard !bytes.isEmpty else { return }
                head += String(decoding: bytes, as: UTF8.self)
            }
            let received = head
            heads.value.withLock { $0.append(received) }
            switch script(received) {
            case .text(let text): connection.send(Array(text.utf8))
            case .drip(let text, let milliseconds):
                for byte in text.utf8 {
                    guard connection.send([byte]) else { break }
                    usleep(milliseconds * 1000)
                }
            case .reset: connection.resetAtEnd()
            case .silence: connection.staysOpen = true
            }
        }
    }

    package var port: UInt16 { listener.port }

    /// The heads of the requests so far.
    package var received: [String] { heads.value.withLock { $0 } }

    package func waitForRequests(_ count: Int) async throws {
        var wait = BoundedWait(.seconds(20))
        while received.count < count {
            guard let pause = wait.next() else {
                throw RawHTTP.Failure(reason: "fewer than \(count) requests within \(wait.limit)")
            }
            try await Task.sleep(for: pause, clock: .continuous)
        }
    }
}
