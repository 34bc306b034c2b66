import PodstackTestSupport
import Synchronization

/// Services over TLS, valid and invalid, with certificates of a private authority.
///
/// One nginx serves all tests that run at the same time.
final class TLSServices: Sendable {
    enum Service: Int, CaseIterable {
        /// A service that speaks HTTP/2 and HTTP/1.1.
        case modern
        case onlyHTTP1
        /// A service that ends each HTTP/2 connection with its third request.
        case brief
        case onlyTLS12
        case onlyTLS11
        case wrongName
        case expired
    }

    let authority: PrivateAuthority
    private let nginx: Nginx

    private struct Current {
        weak var services: TLSServices?
    }

    private static let current = Mutex(Current())

    /// The services of the tests that run at the moment; they end with the last of these tests.
    static func shared() throws -> TLSServices {
        try current.withLock { current in
            if let services = current.services { return services }
            let services = try TLSServices()
            current.services = services
            return services
        }
    }

    private init() throws {
        let authority = try PrivateAuthority()
        self.authority = authority
        let good = try authority.issue("good", for: "DNS:localhost,IP:127.0.0.1")
        let wrong = try authority.issue("wrong", for: "DNS:elsewhere.example")
        let expired = try authority.issue("expired", for: "DNS:localhost,IP:127.0.0.1", isExpired: true)
        nginx = try Nginx(ports: Service.allCases.count + 1, files: ["large": 1 << 20]) { ports in
            let plain = "127.0.0.1:\(ports[Service.allCases.count])"
            // With `return` alone, nginx would not read a body to its end.
            let sink = "server { listen \(plain); return 200 '$http_content_length $request_method'; }"
            return sink
                + Service.allCases.map { service in
                    let files = service == .wrongName ? wrong : service == .expired ? expired : good
                    let protocols =
                        switch service {
                        case .onlyTLS11: "ssl_protocols TLSv1.1; ssl_ciphers DEFAULT@SECLEVEL=0;"
                        case .onlyTLS12: "ssl_protocols TLSv1.2;"
                        case .brief: "ssl_protocols TLSv1.3; keepalive_requests 3;"
                        default: "ssl_protocols TLSv1.2 TLSv1.3;"
                        }
                    return """
                        server {
                            listen 127.0.0.1:\(ports[service.rawValue]) ssl\(service == .onlyHTTP1 ? "" : " http2");
                            ssl_certificate \(files.certificate); ssl_certificate_key \(files.key); \(protocols)
                            location / { return 200 "$server_protocol $connection"; }
                            location /token { return 200 $http_authorization; }
                            location /tls { return 200 $ssl_protocol; }
                            location /upload { proxy_pass http://\(plain); }
                            location = /large { }
                        }
                        """
                }.joined(separator: "\n")
        }
    }

    func url(_ service: Service) -> String { "https://localhost:\(nginx.ports[service.rawValue])" }
}
