package import PodstackAPI
package import PodstackServer
import Synchronization

/// The way from a ``TestClient`` to a server.
package protocol TestTransport: Sendable {
    /// Sends a request and returns its response.
    ///
    /// - Parameters:
    ///   - method: The HTTP method.
    ///   - target: The encoded path and query.
    ///   - headers: The header fields besides `Host` and `Content-Length`.
    ///   - body: The body, or nil for none.
    /// - Returns: The whole response.
    /// - Throws: An error if there is no response.
    func send(_ method: String, _ target: String, headers: [(String, String)], body: String?) throws -> TestResponse
}

/// Calls the request handler of a server in this process, without a socket.
package struct InMemoryTransport: TestTransport {
    private let server: EmbeddedServer

    package init(_ server: EmbeddedServer) { self.server = server }

    package func send(
        _ method: String, _ target: String, headers: [(String, String)], body: String?
    ) throws -> TestResponse {
        TestResponse(
            server.response(
                to: InMemoryRequest(method, target, headers: headers, body: body.map { Array($0.utf8) })))
    }
}

/// Sends each request over a socket to a port of this machine.
package final class SocketTransport: TestTransport {
    private let port: UInt16
    private let keepsConnection: Bool
    private let connection = Mutex<RawHTTP?>(nil)

    /// Creates a transport.
    ///
    /// - Parameters:
    ///   - port: The port on loopback.
    ///   - keepsConnection: Whether requests follow each other on one connection; otherwise each has its own.
    package init(port: UInt16, keepsConnection: Bool = false) {
        self.port = port
        self.keepsConnection = keepsConnection
    }

    package func send(
        _ method: String, _ target: String, headers: [(String, String)], body: String?
    ) throws -> TestResponse {
        guard keepsConnection else {
            return try RawHTTP(port: port).request(method, target, headers: headers, body: body)
        }
        return try connection.withLock { connection in
            let open = try connection ?? RawHTTP(port: port)
            // A connection that failed is not used again.
            connection = nil
            let response = try open.request(method, target, headers: headers, body: body)
            connection = open
            return response
        }
    }
}

// MARK: - Response

/// A whole response, as a test reads it.
package struct TestResponse: Sendable {
    package var status: Int
    /// The header fields; names in lower case.
    package var headers: [String: String]
    /// The values of `Set-Cookie`, which may occur more than once.
    package var cookies: [String] = []
    package var body: String

    package init(status: Int, headers: [String: String], cookies: [String] = [], body: String) {
        self.status = status
        self.headers = headers
        self.cookies = cookies
        self.body = body
    }

    /// Creates the response to a request that used no socket.
    package init(_ response: InMemoryRequest.Response) {
        self.init(
            status: response.status,
            headers: Dictionary(response.headers.map { ($0.name.lowercased(), $0.value) }) { $1 },
            cookies: response.headers.filter { $0.name.lowercased() == "set-cookie" }.map(\.value),
            body: String(decoding: response.body, as: UTF8.self))
    }

    /// An error of the service where a test expects a value.
    package struct Refusal: Error, CustomStringConvertible {
        package var description: String
    }

    /// Returns the JSON body as a value.
    package func decoded<Value: Decodable>(_ type: Value.Type) throws -> Value {
        do { return try APICoding.decode(type, from: Array(body.utf8)) } catch {
            // The body of a success may contain a secret.
            guard let refused = try? APICoding.decode(ErrorBody.self, from: Array(body.utf8)) else { throw error }
            throw Refusal(description: "the service responded with \(status): \(refused.message)")
        }
    }

    /// The body of an error; nil of a success.
    package var error: ErrorBody? { try? APICoding.decode(ErrorBody.self, from: Array(body.utf8)) }
    /// The code of an error; nil of a success.
    package var code: String? { error?.code?.rawValue }
}
