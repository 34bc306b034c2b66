#if canImport(Glibc)
    import Glibc
#elseif canImport(Musl)
    import Musl
#endif

/// A connection that sends exactly the given bytes and returns exactly the bytes that it receives.
package final class RawHTTP {
    package struct Failure: Error {
        package var reason: String

        package init(reason: String) { self.reason = reason }
    }

    private let descriptor: Int32
    private var buffer: [UInt8] = []

    /// Connects to a port of this machine.
    ///
    /// - Parameters:
    ///   - port: The port on loopback.
    ///   - silence: Seconds that the other side may take for the next byte.
    /// - Throws: An error if the connection is refused.
    package init(port: UInt16, silence: Int = 20) throws {
        // Otherwise a program that another test starts meanwhile would inherit the socket and keep it open.
        descriptor = socket(AF_INET, Int32(SOCK_STREAM.rawValue) | Int32(SOCK_CLOEXEC.rawValue), 0)
        var name = sockaddr_in()
        name.sin_family = sa_family_t(AF_INET)
        name.sin_port = port.bigEndian
        inet_pton(AF_INET, "127.0.0.1", &name.sin_addr)
        let connected = withUnsafePointer(to: &name) { pointer in
            pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                connect(descriptor, $0, socklen_t(MemoryLayout<sockaddr_in>.size))
            }
        }
        guard connected == 0 else { throw Failure(reason: "cannot connect") }
        var limit = timeval(tv_sec: silence, tv_usec: 0)
        setsockopt(descriptor, SOL_SOCKET, SO_RCVTIMEO, &limit, socklen_t(MemoryLayout<timeval>.size))
    }

    deinit { close(descriptor) }

    package func request(
        _ method: String, _ path: String, headers: [(String, String)] = [], body: String? = nil
    ) throws -> TestResponse {
        var text = "\(method) \(path) HTTP/1.1\r\nHost: localhost\r\n"
        for (name, value) in headers { text += "\(name): \(value)\r\n" }
        if let body { text += "Content-Length: \(body.utf8.count)\r\n" }
        try send(text + "\r\n" + (body ?? ""))
        return try response(hasBody: method != "HEAD")
    }

    package func send(_ text: String) throws { try send(Array(text.utf8)) }

    package func send(_ bytes: [UInt8]) throws {
        var rest = bytes[...]
        while !rest.isEmpty {
            let count = rest.withUnsafeBytes {
                Glibc.send(descriptor, $0.baseAddress, $0.count, Int32(MSG_NOSIGNAL))
            }
            guard count > 0 else { throw Failure(reason: "the connection was closed") }
            rest = rest.dropFirst(count)
        }
    }

    /// Returns the next bytes, whatever they mean; nothing at the end of the connection.
    package func readBytes() throws -> [UInt8] {
        var bytes = buffer
        buffer = []
        guard bytes.isEmpty else { return bytes }
        bytes = [UInt8](repeating: 0, count: 64 << 10)
        while true {
            let count = recv(descriptor, &bytes, bytes.count, 0)
            if count < 0, errno == EINTR { continue }
            guard count >= 0 else { throw Failure(reason: "the connection was lost") }
            return Array(bytes.prefix(count))
        }
    }

    /// Whether there are bytes to read; does not wait.
    package var hasBytes: Bool {
        var byte: UInt8 = 0
        return !buffer.isEmpty || recv(descriptor, &byte, 1, Int32(MSG_DONTWAIT) | Int32(MSG_PEEK)) == 1
    }

    /// Whether the other side has closed the connection; does not wait.
    package var isClosed: Bool {
        var byte: UInt8 = 0
        while true {
            switch recv(descriptor, &byte, 1, Int32(MSG_DONTWAIT) | Int32(MSG_PEEK)) {
            case 0: return true
            case 1...: return false
            case _ where errno == EINTR: continue
            default: return errno != EAGAIN
            }
        }
    }

    package func response(hasBody: Bool = true) throws -> TestResponse {
        let end = Array("\r\n\r\n".utf8)
        var headerEnd = find(end)
        while headerEnd == nil {
            try receive()
            headerEnd = find(end)
        }
        let head = String(decoding: buffer[..<(headerEnd ?? 0)], as: UTF8.self)
        buffer.removeFirst((headerEnd ?? 0) + end.count)
        let lines = head.split(separator: "\r\n", omittingEmptySubsequences: false)
        var headers: [String: String] = [:]
        var cookies: [String] = []
        for line in lines.dropFirst() {
            let parts = line.split(separator: ":", maxSplits: 1)
            let (name, value) = (parts[0].lowercased(), parts.count == 2 ? String(parts[1].drop { $0 == " " }) : "")
            headers[name] = value
            if name == "set-cookie" { cookies.append(value) }
        }
        var body: [UInt8] = []
        if hasBody, headers["transfer-encoding"] == "chunked" {
            body = try chunks()
        } else if hasBody {
            body = try take(headers["content-length"].flatMap { Int($0) } ?? 0)
        }
        return TestResponse(
            status: Int(lines[0].split(separator: " ")[1]) ?? 0, headers: headers, cookies: cookies,
            body: String(decoding: body, as: UTF8.self))
    }

    private func take(_ count: Int) throws -> [UInt8] {
        while buffer.count < count { try receive() }
        defer { buffer.removeFirst(count) }
        return Array(buffer.prefix(count))
    }

    private func chunks() throws -> [UInt8] {
        var body: [UInt8] = []
        while true {
            while find([13, 10]) == nil { try receive() }
            let size = String(decoding: try take(find([13, 10]) ?? 0), as: UTF8.self)
            guard let count = Int(size, radix: 16) else { throw Failure(reason: "not the size of a chunk: \(size)") }
            body += try take(2 + count + 2)[2..<(2 + count)]
            if count == 0 { return body }
        }
    }

    /// Returns the unread text as soon as it meets a condition, within a minute.
    package func text(until isEnough: (String) -> Bool) throws -> String {
        let deadline = ContinuousClock.now + .seconds(60)
        while true {
            let text = String(decoding: buffer, as: UTF8.self)
            if isEnough(text) { return text }
            guard ContinuousClock.now < deadline else { throw Failure(reason: "no such text came: \(text)") }
            try receive()
        }
    }

    private func receive() throws {
        var chunk = [UInt8](repeating: 0, count: 1 << 14)
        let count = read(descriptor, &chunk, chunk.count)
        guard count > 0 else { throw Failure(reason: "the connection ended or was silent for too long") }
        buffer += chunk[..<count]
    }

    private func find(_ pattern: [UInt8]) -> Int? {
        guard buffer.count >= pattern.count else { return nil }
        return (0...(buffer.count - pattern.count)).first { buffer[$0..<($0 + pattern.count)].elementsEqual(pattern) }
    }
}
