import Synchronization

/// Follows every connection and request, and answers them. It is called on the threads of the listener, several at once.
///
/// Where it gives false the connection is to be closed.
final class Reception: Sendable {
    typealias Handler = @Sendable (Request) -> Answer

    /// Half a year is long enough for who comes now and then. Subdomains are others', and lists that browsers are made with
    /// forget nothing. Source: RFC 6797, section 6.1.
    private static let strictTransport = "max-age=15552000"

    private let handler: Handler
    let certificate: TLSCertificate?
    /// Whether browsers are to come over TLS alone from then on.
    private let isStrict: Bool
    let connections: OpenConnections
    let streams = OpenStreams()
    let deferrals = OpenDeferrals()
    private let handling = Atomic<Int>(0)

    /// - Parameter isForeign: Whether others than this machine reach it. What browsers keep of `localhost` would be in the
    ///   way of every other program there.
    init(
        _ handler: @escaping Handler, _ certificate: TLSCertificate?, isForeign: Bool, _ connections: OpenConnections
    ) {
        self.handler = handler
        self.certificate = certificate
        isStrict = certificate != nil && isForeign
        self.connections = connections
    }

    /// Requests that are whole, and whose answer libmicrohttpd does not have yet.
    var underWay: Int { handling.load(ordering: .acquiring) + deferrals.count }

    /// - Parameter size: Of the first line and all header fields, as they came.
    func takeHead(
        of incoming: IncomingRequest, size: Int, isHTTP11: Bool, on connection: Microhttpd.Connection
    ) -> Bool {
        if let entry = connection.entry { connections.requestBegins(entry) }
        let defect = RequestHead.defect(
            target: incoming.target, size: size, isHTTP11: isHTTP11, headers: incoming.headers)
        return defect.map { answer(incoming.request(from: connection.address, defect: $0), incoming, connection) }
            ?? true
    }

    func takeBody(_ bytes: UnsafeRawBufferPointer, of incoming: IncomingRequest) -> Bool {
        incoming.take(bytes)
    }

    /// The request is whole. What was suspended comes here again when it was resumed.
    func answer(_ incoming: IncomingRequest, on connection: Microhttpd.Connection) -> Bool {
        if let deferral = incoming.deferral { return wait(for: deferral, on: connection) }
        return answer(incoming.request(from: connection.address), incoming, connection)
    }

    private func answer(
        _ request: Request, _ incoming: IncomingRequest, _ connection: Microhttpd.Connection
    ) -> Bool {
        handling.add(1, ordering: .relaxed)
        defer { handling.subtract(1, ordering: .releasing) }
        switch handler(request) {
        case .ready(let response, let requestID): return send((response, requestID), on: connection)
        case .later(let queue, let make):
            guard let entry = connection.entry else { return false }
            connections.answerBegins(entry, size: 0)
            let deferral = Deferral(
                queue,
                on: Deferral.Carrier(
                    resume: { connection.resume() }, isLeft: { [connections] in connections.isLeft(entry) }),
                make: make)
            incoming.deferral = deferral
            deferrals.begin(deferral)
            return wait(for: deferral, on: connection)
        }
    }

    private func wait(for deferral: Deferral, on connection: Microhttpd.Connection) -> Bool {
        guard let answer = deferral.wait(suspend: { connection.suspend() }) else { return true }
        defer { deferrals.remove(deferral) }
        return send(answer, on: connection)
    }

    private func send(_ answer: Answer.Ready, on connection: Microhttpd.Connection) -> Bool {
        guard let entry = connection.entry else { return false }
        var answer = answer
        if isStrict { answer.response.set("Strict-Transport-Security", Self.strictTransport) }
        guard let stream = answer.response.stream else {
            connections.answerBegins(entry, size: answer.response.body.count)
            return connection.queue(answer, streams)
        }
        connections.streamBegins(entry, lasting: stream.longest)
        stream.begin(
            on: ResponseStream.Carrier(
                resume: { connection.resume() }, cut: { [connections] in connections.end(entry) },
                isLeft: { [connections] in connections.isLeft(entry) }))
        streams.add(stream)
        return connection.queue(answer, streams)
    }

    /// Its answer was sent, or its connection is gone.
    func forget(_ incoming: IncomingRequest, on connection: Microhttpd.Connection) {
        if let entry = connection.entry { connections.requestEnded(entry) }
        if let deferral = incoming.deferral { deferrals.remove(deferral) }
    }
}
