import Synchronization

#if canImport(Glibc)
    import Glibc
#elseif canImport(Musl)
    import Musl
#endif

/// A socket that answers each request with exactly the text it is told, then closes; with nil it stays silent.
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

    package init(_ script: @escaping @Sendable (_ request: String) -> String?) throws {
        descriptor = socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0)
        var name = sockaddr_in()
        name.sin_family = sa_family_t(AF_INET)
        inet_pton(AF_INET, "127.0.0.1", &name.sin_addr)
        var size = socklen_t(MemoryLayout<sockaddr_in>.size)
        let listening = descriptor
        let isListening = withUnsafeMutablePointer(to: &name) { pointer in
            pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                bind(listening, $0, size) == 0 && listen(listening, 16) == 0
                    && getsockname(listening, $0, &size) == 0
            }
        }
        guard isListening else { throw RawHTTP.Failure(reason: "cannot listen") }
        port = UInt16(bigEndian: name.sin_port)
        let shared = Shared()
        state = shared
        Thread.start {
            while true {
                let connection = accept(listening, nil, nil)
                guard connection >= 0 else { return }
                Self.serve(connection, shared, script)
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
        for _ in 0..<2000 {
            if received.count >= count { return }
            try await Task.sleep(for: .milliseconds(10))
        }
        throw RawHTTP.Failure(reason: "no request came")
    }

    private static func serve(_ connection: Int32, _ shared: Shared, _ script: (String) -> String?) {
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
        guard let answer = script(head) else {
            shared.value.withLock { $0.open.append(connection) }
            return
        }
        let bytes = Array(answer.utf8)
        _ = write(connection, bytes, bytes.count)
        close(connection)
    }
}

/// A thread for what blocks.
private enum Thread {
    private final class Body {
        let run: @Sendable () -> Void
        init(_ run: @escaping @Sendable () -> Void) { self.run = run }
    }

    static func start(_ run: @escaping @Sendable () -> Void) {
        var thread = pthread_t()
        let context = Unmanaged.passRetained(Body(run)).toOpaque()
        pthread_create(
            &thread, nil,
            { context in
                if let context { Unmanaged<Body>.fromOpaque(context).takeRetainedValue().run() }
                return nil
            }, context)
        pthread_detach(thread)
    }
}
