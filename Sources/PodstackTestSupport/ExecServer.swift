package import PodstackAPI
import Synchronization

/// A service with pods whose interactive commands a test plays.
package final class ExecServer: Sendable {
    private let listener: LoopbackListener

    /// Starts the service.
    ///
    /// - Parameter command: Plays a command, from the upgrade of its connection to its end.
    /// - Throws: An error if the socket cannot listen.
    package init(_ command: @escaping @Sendable (ExecPeer) -> Void) throws {
        listener = try LoopbackListener { connection in
            var bytes: [UInt8] = []
            while true {
                guard let end = bytes.firstRange(of: [13, 10, 13, 10]) else {
                    let more = connection.read()
                    guard !more.isEmpty else { return }
                    bytes += more
                    continue
                }
                let head = String(decoding: bytes[..<end.lowerBound], as: UTF8.self)
                let length =
                    head.split(separator: "\r\n").first { $0.lowercased().hasPrefix("content-length:") }
                    .flatMap { Int($0.drop { !$0.isNumber }) } ?? 0
                while bytes.count < end.upperBound + length {
                    let more = connection.read()
                    guard !more.isEmpty else { return }
                    bytes += more
                }
                guard head.hasPrefix("POST /v1/pods/"), head.lowercased().contains("upgrade: podstack-exec/1") else {
                    let body = #"{"error":{"code":"not_found","message":"No such path"}}"#
                    connection.send(Array("HTTP/1.1 404 X\r\nContent-Length: \(body.utf8.count)\r\n\r\n\(body)".utf8))
                    return
                }
                connection.send(
                    Array(
                        "HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: podstack-exec/1\r\n\r\n"
                            .utf8))
                let body = String(decoding: bytes[end.upperBound..<(end.upperBound + length)], as: UTF8.self)
                command(ExecPeer(connection, head: head, body: body, early: bytes[(end.upperBound + length)...]))
                // As the service does: closing a connection with unread bytes would reset it, and the client could lose
                // the last frame.
                connection.finishWriting()
                while !connection.read().isEmpty {}
                return
            }
        }
    }

    package var url: String { "http://127.0.0.1:\(listener.port)" }
}

/// The service's side of an interactive command.
package final class ExecPeer: Sendable {
    /// The head of the request.
    package let head: String
    /// The body of the request.
    package let body: String
    private let connection: Connection
    private let reader: Mutex<ExecFrame.Reader>

    fileprivate init(_ connection: Connection, head: String, body: String, early: ArraySlice<UInt8>) {
        self.connection = connection
        self.head = head
        self.body = body
        var reader = ExecFrame.Reader()
        reader.receive(early)
        self.reader = Mutex(reader)
    }

    /// Returns the next frame of the client; nil at the end of the connection.
    package func next() -> ExecFrame? {
        while true {
            if let frame = reader.withLock({ reader in (try? reader.next()) ?? nil }) { return frame }
            let bytes = connection.read()
            guard !bytes.isEmpty else { return nil }
            reader.withLock { $0.receive(bytes) }
        }
    }

    /// Sends a frame.
    package func send(_ kind: ExecFrame.Kind, _ text: String) { connection.send(ExecFrame(kind, text: text).bytes) }

    /// Sends bytes that need not be a frame.
    package func send(_ bytes: [UInt8]) { connection.send(bytes) }

    /// Breaks the connection.
    package func breakOff() { connection.shutDown() }
}
