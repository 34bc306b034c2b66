import Podstack
import Synchronization

#if canImport(Glibc)
    import Glibc
#elseif canImport(Musl)
    import Musl
#endif

/// A listening socket on a free port of loopback.
///
/// Each connection has its own thread, so that a slow connection does not delay the others.
package final class LoopbackListener: Sendable {
    package let port: UInt16
    private let descriptor: Int32
    private let accepts: Bool
    private let open: Open

    private final class Open: Sendable {
        let connections = Mutex<[ObjectIdentifier: Connection]>([:])
    }

    /// Starts listening.
    ///
    /// - Parameter serve: Serves a connection, which is closed afterward unless it `staysOpen`. With nil, no connection is
    ///   accepted: clients connect and wait.
    /// - Throws: An error if the socket cannot listen.
    package init(_ serve: (@Sendable (Connection) -> Void)?) throws {
        descriptor = socket(AF_INET, Int32(SOCK_STREAM.rawValue) | Int32(SOCK_CLOEXEC.rawValue), 0)
        var name = Self.loopback(port: 0)
        var size = socklen_t(MemoryLayout<sockaddr_in>.size)
        let listening = descriptor
        let isListening = withUnsafeMutablePointer(to: &name) { pointer in
            pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                bind(listening, $0, size) == 0 && listen(listening, 4096) == 0
                    && getsockname(listening, $0, &size) == 0
            }
        }
        guard isListening else { throw RawHTTP.Failure(reason: "cannot listen") }
        port = UInt16(bigEndian: name.sin_port)
        let open = Open()
        self.open = open
        accepts = serve != nil
        guard let serve else { return }
        BlockingThread.start {
            while true {
                let accepted = accept(listening, nil, nil)
                guard accepted >= 0 else {
                    // Closed by the thread that uses it: otherwise the next call could reach another socket with the
                    // same number.
                    close(listening)
                    return
                }
                _ = fcntl(accepted, F_SETFD, FD_CLOEXEC)
                let connection = Connection(accepted)
                open.connections.withLock { $0[ObjectIdentifier(connection)] = connection }
                BlockingThread.start {
                    serve(connection)
                    if connection.staysOpen { return }
                    open.connections.withLock { $0[ObjectIdentifier(connection)] = nil }
                }
            }
        }
    }

    deinit {
        shutdown(descriptor, Int32(SHUT_RDWR))
        if !accepts { close(descriptor) }
        open.connections.withLock { connections in
            // Ends the reads of connections that are still served.
            for connection in connections.values { connection.shutDown() }
            connections = [:]
        }
    }

    /// Returns a connection to a port of this machine, or nil if it is refused.
    package static func connect(port: UInt16) -> Connection? {
        let descriptor = socket(AF_INET, Int32(SOCK_STREAM.rawValue) | Int32(SOCK_CLOEXEC.rawValue), 0)
        var name = loopback(port: port)
        let isConnected = withUnsafePointer(to: &name) { pointer in
            pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                Glibc.connect(descriptor, $0, socklen_t(MemoryLayout<sockaddr_in>.size)) == 0
            }
        }
        let connection = Connection(descriptor)
        return isConnected ? connection : nil
    }

    /// Returns ports that no process uses at the moment.
    package static func freePorts(_ count: Int) throws -> [UInt16] {
        let listeners = try (0..<count).map { _ in try LoopbackListener(nil) }
        return listeners.map(\.port)
    }

    private static func loopback(port: UInt16) -> sockaddr_in {
        var name = sockaddr_in()
        name.sin_family = sa_family_t(AF_INET)
        name.sin_port = port.bigEndian
        inet_pton(AF_INET, "127.0.0.1", &name.sin_addr)
        return name
    }
}

/// A socket that is closed with its last reference.
package final class Connection: Sendable {
    private let descriptor: Int32
    private let stays = Atomic(false)

    init(_ descriptor: Int32) { self.descriptor = descriptor }

    deinit { close(descriptor) }

    /// Whether the connection stays open until the listener is released.
    package var staysOpen: Bool {
        get { stays.load(ordering: .relaxed) }
        set { stays.store(newValue, ordering: .relaxed) }
    }

    /// Returns the next bytes; empty at the end of the connection.
    package func read() -> [UInt8] {
        var chunk = [UInt8](repeating: 0, count: 1 << 16)
        let count = Glibc.read(descriptor, &chunk, chunk.count)
        return Array(chunk.prefix(max(0, count)))
    }

    /// Sends bytes, and returns whether the other side still receives.
    @discardableResult
    package func send(_ bytes: [UInt8]) -> Bool {
        var rest = bytes[...]
        while !rest.isEmpty {
            let count = rest.withUnsafeBytes { Glibc.send(descriptor, $0.baseAddress, $0.count, Int32(MSG_NOSIGNAL)) }
            guard count > 0 else { return false }
            rest = rest.dropFirst(count)
        }
        return true
    }

    /// Tells the other side that no more bytes follow.
    package func finishWriting() { shutdown(descriptor, Int32(SHUT_WR)) }

    package func shutDown() { shutdown(descriptor, Int32(SHUT_RDWR)) }

    /// Makes the end of the connection a reset.
    package func resetAtEnd() {
        var immediately = linger(l_onoff: 1, l_linger: 0)
        setsockopt(descriptor, SOL_SOCKET, SO_LINGER, &immediately, socklen_t(MemoryLayout<linger>.size))
    }
}
