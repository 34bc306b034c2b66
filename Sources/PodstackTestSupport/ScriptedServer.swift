import Synchronization

#if canImport(Glibc)
    import Glibc
#elseif canImport(Musl)
    import Musl
#endif

/// A socket that answers each request with exactly what it is told, then closes.
package final class ScriptedServer: Sendable {
    private struct State {
        var received: [String] = []
        var open: [Int32] = []
    }

    package let port: UInt16
    private let descriptor: Int32
    private let state: Shared

    private final class Shared: Sendable {
        let value = Mutex(State())
    }

    package enum Answer: Sendable {
        case text(String)
        /// A byte after the other, with a pause between.
        case drip(String, milliseconds: UInt32)
        /// Nothing, and the connection stays.
        case silence
        /// The connection is reset in the face of the client.
        case reset
    }

    /// - Parameter script: Nil for silence.
    package convenience init(_ script: @escaping @Sendable (_ request: String) -> String?) throws {
        try self.init(answering: { script($0).map { .text($0) } ?? .silence })
    }

    package init(answering script: @escaping @Sendable (_ request: String) -> Answer) throws {
        descriptor = socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0)
        var name = sockaddr_in()
        name.sin_family = sa_family_t(AF_INET)
        inet_pton(AF_INET, "127.0.0.1", &name.sin_addr)
        var size = socklen_t(MemoryLayout<sockaddr_in>.size)
        let listening = descriptor
        let isListening = withUnsafeMutablePointer(to: &name) { pointer in
            pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                bind(listening, $0, size) == 0 && listen(listening, 512) == 0
                    && getsockname(listening, $0, &size) == 0
            }
        }
        guard isListening else { throw RawHTTP.Failure(reason: "cannot listen") }
        port = UInt16(bigEndian: name.sin_port)
        let shared = Shared()
        state = shared
        BackgroundThread.start {
            while true {
                let connection = accept(listening, nil, nil)
                guard connection >= 0 else { return }
                // Each on a thread of its own, so that a slow answer holds up no other.
                BackgroundThread.start { Self.serve(connection, shared, script) }
            }
        }
    }

    deinit {
        shutdown(descriptor, Int32(SHUT_RDWR))
        close(descriptor)
        state.value.withLock { for connection in $0.open { close(connection) } }
    }

    /// The heads of the requests so far.
    package var received: [String] { state.value.withLock { $0.received } }

    package func waitForRequests(_ count: Int) async throws {
        for _ in 0..<6000 {
            if received.count >= count { return }
            try await Task.sleep(for: .milliseconds(10))
        }
        throw RawHTTP.Failure(reason: "no request came")
    }

    private static func serve(_ connection: Int32, _ shared: Shared, _ script: (String) -> Answer) {
        var head = ""
        var chunk = [UInt8](repeating: 0, count: 4096)
        while !head.contains("\r\n\r\n") {
            let count = read(connection, &chunk, chunk.count)
            guard count > 0 else {
                close(connection)
                return
            }
            head += String(decoding: chunk[..<count], as: UTF8.self)
        }
        shared.value.withLock { $0.received.append(head) }
        switch script(head) {
        case .text(let text): send(connection, Array(text.utf8))
        case .drip(let text, let milliseconds):
            for byte in text.utf8 {
                guard send(connection, [byte]) else { break }
                usleep(milliseconds * 1000)
            }
        case .reset:
            var immediately = linger(l_onoff: 1, l_linger: 0)
            setsockopt(connection, SOL_SOCKET, SO_LINGER, &immediately, socklen_t(MemoryLayout<linger>.size))
        case .silence:
            shared.value.withLock { $0.open.append(connection) }
            return
        }
        close(connection)
    }

    @discardableResult
    private static func send(_ connection: Int32, _ bytes: [UInt8]) -> Bool {
        Glibc.send(connection, bytes, bytes.count, Int32(MSG_NOSIGNAL)) == bytes.count
    }
}
