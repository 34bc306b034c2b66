import Podstack
import Synchronization

/// An HTTP proxy on loopback whose CONNECT tunnels lead to the requested port on this machine, whatever the host's name.
package final class TunnelProxy: Sendable {
    private final class Heads: Sendable {
        let value = Mutex<[String]>([])
    }

    private let listener: LoopbackListener
    private let heads: Heads

    /// Starts a proxy.
    ///
    /// - Parameter refusal: The status of every response, such as `407 Proxy Authentication Required`; nil to create
    ///   tunnels.
    /// - Throws: An error if the socket cannot listen.
    package init(refusal: String? = nil) throws {
        let heads = Heads()
        self.heads = heads
        listener = try LoopbackListener { client in
            var head: [UInt8] = []
            while !head.suffix(4).elementsEqual([13, 10, 13, 10]) {
                let bytes = client.read()
                guard !bytes.isEmpty else { return }
                head += bytes
            }
            let text = String(decoding: head, as: UTF8.self)
            heads.value.withLock { $0.append(text) }
            if let refusal {
                client.send(Array("HTTP/1.1 \(refusal)\r\nContent-Length: 0\r\n\r\n".utf8))
                return
            }
            let target = text.split(separator: " ").dropFirst().first ?? ""
            guard text.hasPrefix("CONNECT "), let port = target.split(separator: ":").last.flatMap({ UInt16($0) }),
                let service = LoopbackListener.connect(port: port)
            else { return }
            client.send(Array("HTTP/1.1 200 Connection established\r\n\r\n".utf8))
            BlockingThread.start {
                Self.copy(from: service, to: client)
            }
            Self.copy(from: client, to: service)
        }
    }

    package var url: String { "http://127.0.0.1:\(listener.port)" }
    /// The heads of the requests so far.
    package var received: [String] { heads.value.withLock { $0 } }

    private static func copy(from source: Connection, to target: Connection) {
        while true {
            let bytes = source.read()
            guard !bytes.isEmpty, target.send(bytes) else { break }
        }
        source.shutDown()
        target.shutDown()
    }
}
