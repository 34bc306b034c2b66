import Synchronization

#if canImport(Glibc)
    import Glibc
#elseif canImport(Musl)
    import Musl
#endif

/// A server that keeps connections, reads whole requests, and replies with exactly the given steps.
package final class WireServer: Sendable {
    package struct Request: Sendable {
        /// The number of the connection, from 0 in the order of arrival.
        package var connection: Int
        /// The number of the request on its connection, from 0.
        package var number: Int
        package var head: String
        package var body: [UInt8]

        package var method: String { String(head.prefix { $0 != " " }) }
        package var target: String { String(head.drop { $0 != " " }.dropFirst().prefix { $0 != " " }) }
        /// The lines after the first.
        package var lines: [String] { head.split(separator: "\r\n").dropFirst().map { String($0) } }
        /// The values of a header, whatever the case of its name.
        package func values(_ name: String) -> [String] {
            lines.filter { $0.lowercased().hasPrefix(name.lowercased() + ":") }.map {
                String($0.dropFirst(name.count + 1).drop { $0 == " " })
            }
        }
    }

    package enum Step: Sendable {
        case send([UInt8])
        case pause(milliseconds: UInt32)
        case close
        case reset
        /// No response, on a connection that stays open.
        case hang

        package static func text(_ text: String) -> Step { .send(Array(text.utf8)) }

        /// Returns a step that sends a whole response with status 200.
        package static func response(_ body: String) -> Step { response(200, body) }

        package static func response(_ status: Int = 200, headers: String = "", _ body: String = "{}") -> Step {
            .text("HTTP/1.1 \(status) X\r\nContent-Length: \(body.utf8.count)\r\n\(headers)\r\n\(body)")
        }
    }

    private final class Shared: Sendable {
        let requests = Mutex<[Request]>([])
        let connections = Atomic(0)
    }

    private let listener: LoopbackListener
    private let shared: Shared

    package init(_ response: @escaping @Sendable (Request) -> [Step]) throws {
        let shared = Shared()
        self.shared = shared
        listener = try LoopbackListener { connection in
            let index = shared.connections.add(1, ordering: .relaxed).oldValue
            var buffer: [UInt8] = []
            var number = 0
            while let (head, body) = Self.readRequest(connection, &buffer) {
                let request = Request(connection: index, number: number, head: head, body: body)
                number += 1
                shared.requests.withLock { $0.append(request) }
                for step in response(request) {
                    switch step {
                    case .send(let bytes): if !connection.send(bytes) { return }
                    case .pause(let milliseconds): usleep(milliseconds * 1000)
                    case .close: return
                    case .reset: return connection.resetAtEnd()
                    case .hang:
                        connection.staysOpen = true
                        return
                    }
                }
            }
        }
    }

    package var port: UInt16 { listener.port }
    package var url: String { "http://127.0.0.1:\(port)" }
    package var requests: [Request] { shared.requests.withLock { $0 } }
    package var connections: Int { shared.connections.load(ordering: .relaxed) }

    package func waitForRequests(_ count: Int) async throws {
        var wait = BoundedWait(.seconds(20))
        while requests.count < count {
            guard let pause = wait.next() else {
                throw RawHTTP.Failure(reason: "fewer than \(count) requests within \(wait.limit)")
            }
            try await Task.sleep(for: pause, clock: .continuous)
        }
    }

    private static func readRequest(_ connection: Connection, _ buffer: inout [UInt8]) -> (String, [UInt8])? {
        let end: [UInt8] = [13, 10, 13, 10]
        var searched = 0
        while true {
            if let index = (searched..<max(searched, buffer.count - 3)).first(where: {
                buffer[$0] == 13 && buffer[$0..<($0 + 4)].elementsEqual(end)
            }) {
                let head = String(decoding: buffer[..<index], as: UTF8.self)
                buffer.removeFirst(index + 4)
                let request = Request(connection: 0, number: 0, head: head, body: [])
                let length = request.values("content-length").first.flatMap { Int($0) } ?? 0
                while buffer.count < length {
                    let bytes = connection.read()
                    if bytes.isEmpty { return nil }
                    buffer += bytes
                }
                let body = Array(buffer.prefix(length))
                buffer.removeFirst(length)
                return (head, body)
            }
            searched = max(0, buffer.count - 3)
            let bytes = connection.read()
            if bytes.isEmpty { return nil }
            buffer += bytes
        }
    }
}
