import PodstackAPI
import PodstackTransport
import PodstackSystem

/// The connections of a client for data that is not collected in memory.
///
/// A transport that the program supplies cannot stream. Its requests and responses are then whole, and what needs a
/// connection in both directions is not possible.
struct Streams: Sendable {
    #if os(Linux)
        let transport: StreamingTransport?

        /// Creates connections with the settings of a transport; opens none.
        init(sharing transport: any Transport) {
            self.transport = (transport as? CurlTransport).map { StreamingTransport(options: $0.options) }
        }
    #else
        init(sharing transport: any Transport) {}
    #endif
}

#if os(Linux)
    typealias StreamControl = StreamCancellation
#else
    /// Ends a transfer; a transport that cannot stream ends with its task.
    final class StreamControl: Sendable {
        func cancel() {}
    }
#endif

extension Pipeline {
    /// Sends a request and passes on the body of its response as it arrives, on a thread that may block.
    ///
    /// - Parameters:
    ///   - call: The request.
    ///   - control: Ends the transfer.
    ///   - receive: Receives the parts of the body; returns whether to go on.
    /// - Throws: The errors of a request, and that of the closure.
    func stream(
        _ call: Call, _ control: StreamControl, receive: @escaping @Sendable ([UInt8]) throws -> Bool
    ) async throws {
        #if os(Linux)
            if let transport = streams.transport {
                return try await streamed(call, control) { request, token in
                    try Self.receive(accept: call.accept, token: token, receive) { part in
                        try transport.send(request, control, receive: part)
                    }
                }
            }
        #endif
        guard !call.isEndless else { throw ErrorMapping.cannotStream() }
        _ = try receive(try await bytes(of: call))
    }

    /// Sends a request whose body is read as it is sent, on a thread that may block.
    ///
    /// - Parameters:
    ///   - call: The request without its body.
    ///   - control: Ends the transfer.
    ///   - next: Returns the next part of the body; empty at its end.
    /// - Throws: The errors of a request, and that of the closure.
    func upload(
        _ call: Call, _ control: StreamControl, next: @escaping @Sendable () throws -> [UInt8]
    ) async throws {
        #if os(Linux)
            if let transport = streams.transport {
                return try await streamed(call, control) { request, token in
                    try Self.receive(accept: nil, token: token, { _ in true }) { part in
                        try transport.send(request, control, next: next, receive: part)
                    }
                }
            }
        #endif
        var call = call
        var body: [UInt8] = []
        while true {
            let part = try next()
            if part.isEmpty { break }
            body += part
        }
        call.body = body
        try await self.call(call)
    }
}

#if os(Linux)
    extension Pipeline {
        /// Sends a request to upgrade its connection.
        ///
        /// - Parameters:
        ///   - call: The request.
        ///   - protocolName: The value of the header `Upgrade`.
        /// - Returns: The connection.
        /// - Throws: The errors of a request.
        func upgrade(_ call: Call, to protocolName: String) async throws -> UpgradedConnection {
            guard let transport = streams.transport else { throw ErrorMapping.cannotStream() }
            let control = StreamControl()
            let result = Connection()
            try await streamed(call, control) { request, token in
                switch try transport.upgrade(request, to: protocolName, control) {
                case .connection(let connection):
                    result.set(connection)
                    return nil
                case .refused(let response):
                    guard response.isSuccess else { return response }
                    throw ErrorMapping.notDecodable(response, token: token)
                }
            }
            guard let connection = result.value else { throw CancellationError() }
            return connection
        }

        /// Performs a transfer on its own thread, and once more if its token was replaced elsewhere.
        ///
        /// - Parameters:
        ///   - call: The request.
        ///   - control: Ends the transfer.
        ///   - perform: Performs the transfer, and returns the response if it is not a success.
        /// - Throws: The errors of a request, and that of the closure.
        private func streamed(
            _ call: Call, _ control: StreamControl,
            _ perform: @escaping @Sendable (StreamedRequest, APIToken) throws -> TransportResponse?
        ) async throws {
            guard call.hasCompletePath else { throw ErrorMapping.unusableID() }
            guard !call.revealsToken else { throw ErrorMapping.tokenInRequest() }
            var token = try await token(for: call)
            var hasReloaded = false
            while true {
                let request = streamedRequest(call, token)
                events.send { .requestStarted(method: call.method, path: call.path) }
                let start = time.now()
                let response: TransportResponse?
                do {
                    response = try await withTaskCancellationHandler { [token] in
                        try await BlockingThread.run { try perform(request, token) }
                    } onCancel: {
                        control.cancel()
                    }
                } catch let failure as TransportFailure {
                    let duration = time.now() - start
                    events.send {
                        .requestFailed(
                            method: call.method, path: call.path, reason: failure.reason, duration: duration)
                    }
                    throw ErrorMapping.network(failure, endpoint: endpoint)
                }
                let duration = time.now() - start
                events.send {
                    .requestFinished(
                        method: call.method, path: call.path, status: response?.status ?? 200, duration: duration,
                        requestID: nil)
                }
                guard let response else { return }
                if !hasReloaded, ErrorMapping.isRejection(response),
                    let replacement = try await replacement(for: token, until: time.now() + timeout)
                {
                    hasReloaded = true
                    token = replacement
                    continue
                }
                throw error(for: .success(response), token: token)
            }
        }

        private func streamedRequest(_ call: Call, _ token: APIToken) -> StreamedRequest {
            let plain = prepare(call, token: token, timeout: timeout)
            var request = StreamedRequest(
                plain.method, plain.url, credential: plain.credential, headers: plain.headers, body: plain.body)
            request.connectTimeout = min(request.connectTimeout, timeout)
            // A stream that follows a program may pause as long as the program does.
            if !call.isEndless { request.idleTimeout = max(timeout, .seconds(60)) }
            return request
        }

        /// The largest response to a request that failed.
        private static let largestProblem = 256 << 10

        /// Performs a transfer whose body goes to a closure if it is a success of the expected media type.
        ///
        /// - Returns: The response if it is not a success.
        private static func receive(
            accept: String?, token: APIToken, _ receive: @escaping ([UInt8]) throws -> Bool,
            _ send: (_ part: (ResponseHead, UnsafeRawBufferPointer) throws -> Bool) throws -> ResponseHead
        ) throws -> TransportResponse? {
            var problem: [UInt8] = []
            func isExpected(_ head: ResponseHead) -> Bool {
                guard head.isSuccess else { return false }
                guard let accept, head.status != 204 else { return true }
                return head.header("content-type")?.lowercased().hasPrefix(accept) == true
            }
            let head = try send { head, bytes in
                if isExpected(head) { return bytes.isEmpty ? true : try receive(Array(bytes)) }
                problem.append(contentsOf: bytes)
                return problem.count < largestProblem
            }
            guard !isExpected(head) else { return nil }
            let response = TransportResponse(status: head.status, headers: head.headers, body: problem)
            if head.isSuccess { throw ErrorMapping.notDecodable(response, token: token) }
            return response
        }
    }

    /// The connection that a thread has opened for a task.
    private final class Connection: Sendable {
        private let state = Lock<UpgradedConnection?>(nil)
        var value: UpgradedConnection? { state.withLock { $0 } }
        func set(_ connection: UpgradedConnection) { state.withLock { $0 = connection } }
    }
#endif
