/// A request that reaches the service's handler without a socket, and its whole response.
///
/// It passes the checks of a request's head and body as one from a connection does. Limits of connections, framing and
/// time are the listener's, and need a socket.
package struct InMemoryRequest: Sendable {
    package struct Response: Sendable {
        package var status: Int
        /// The header fields in the order in which they would be sent; `Set-Cookie` may occur more than once.
        package var headers: [(name: String, value: String)]
        package var body: [UInt8]
    }

    package var method: String
    /// The target of the first line: the encoded path and query.
    package var target: String
    package var headers: [(name: String, value: String)]
    package var body: [UInt8]

    /// Creates a request.
    ///
    /// - Parameters:
    ///   - method: The HTTP method.
    ///   - target: The encoded path and query.
    ///   - headers: The header fields besides `Host` and `Content-Length`, which are added.
    ///   - body: The body, or nil when the request has none.
    package init(_ method: String, _ target: String, headers: [(String, String)] = [], body: [UInt8]? = nil) {
        self.method = method
        self.target = target
        self.headers = [("host", "localhost")]
        self.headers += headers.map { ($0.0.lowercased(), $0.1) }
        if let body { self.headers.append(("content-length", String(body.count))) }
        self.body = body ?? []
    }

    /// Returns the response of `handler`, on the calling thread; waits for a response that is produced on a queue.
    func response(of handler: RequestHandler) -> Response {
        let path = target.split(separator: "?", maxSplits: 1).first.map(String.init) ?? ""
        var result = handler.handle(incoming(handler.router.streamsBody(method: method, path: path)))
        while true {
            switch result {
            case .ready(let response, let requestID):
                guard let upload = response.upload, let produce = upload.produceResult else {
                    return completed(response, requestID)
                }
                _ = body.withUnsafeBytes { upload.body.append($0) {} }
                upload.body.complete()
                result = produce(true)
            case .deferred(let queue, let produce):
                let produced = Monitor<HandlerResult?>(nil)
                let isQueued = queue.add {
                    let result = produce(true)
                    produced.change { $0 = result }
                }
                guard let next = isQueued ? produced.wait(120, for: { $0 }) : produce(false) else {
                    return Response(status: 504, headers: [], body: [])
                }
                result = next
            }
        }
    }

    private func incoming(_ isStreamed: Bool) -> Request {
        var fields = HeaderFields()
        for (name, value) in headers {
            Array(name.utf8).withUnsafeBytes { name in
                Array(value.utf8).withUnsafeBytes { value in fields.append(name, value) }
            }
        }
        let size = headers.reduce(method.utf8.count + target.utf8.count + 12) {
            $0 + $1.name.utf8.count + $1.value.utf8.count + 4
        }
        let incoming = IncomingRequest(target: target)
        incoming.isStreamed = isStreamed
        let head = RequestHead(
            RequestHead.Source(method: method, target: target, isHTTP11: true, size: size, fields: fields))
        incoming.head = head
        if head.defect == nil, !isStreamed { body.withUnsafeBytes { _ = incoming.append($0) } }
        return incoming.request(from: ClientAddress("127.0.0.1") ?? .unknown, head)
    }

    private func completed(_ response: PodstackServer.Response, _ requestID: String) -> Response {
        var headers: [(name: String, value: String)] = []
        if response.stream != nil || !response.body.isEmpty { headers.append(("Content-Type", response.contentType)) }
        headers += [("Cache-Control", response.cacheControl), ("X-Request-ID", requestID)]
        headers += response.headers.map { ("\($0.name)", $0.value) }
        let body = response.stream.map(readToEnd) ?? response.body
        response.stream?.released()
        return Response(status: response.status, headers: headers, body: method == "HEAD" ? [] : body)
    }

    /// Returns everything that is written to a stream; nothing for a live one, which has no end to wait for.
    private func readToEnd(_ stream: ResponseStream) -> [UInt8] {
        guard !stream.isLive else { return [] }
        var (body, buffer) = ([UInt8](), [UInt8](repeating: 0, count: 64 << 10))
        let isSuspended = Monitor(false)
        stream.begin(
            on: ConnectionControl(
                resume: { isSuspended.change { $0 = false } }, close: {}, isClientGone: { false }))
        while true {
            let result = buffer.withUnsafeMutableBytes { buffer in
                stream.read(into: buffer) { isSuspended.change { $0 = true } }
            }
            switch result {
            case .bytes(let count): body += buffer.prefix(count)
            case .nothing: _ = isSuspended.wait(120) { $0 ? nil : true }
            case .end: return body
            }
        }
    }
}

extension EmbeddedServer {
    /// Returns the response to a request that uses no socket.
    package func response(to request: InMemoryRequest) -> InMemoryRequest.Response { request.response(of: handler) }
}
