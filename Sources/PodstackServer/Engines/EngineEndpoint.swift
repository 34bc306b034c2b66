package import PodstackSystem

/// The place of a container engine, from the option `--engine`.
package struct EngineEndpoint: Sendable, Equatable {
    package enum Kind: Sendable, Equatable { case docker, swarm }

    package enum Address: Sendable, Equatable {
        case socket(FilePath)
        /// A host and port that are reached with TLS, where each side proves its identity with a certificate.
        case secure(host: String, Identity)
    }

    /// The files of the service's own certificate, its key, and the authorities of the engine's certificate.
    package struct Identity: Sendable, Equatable {
        package var certificate: FilePath
        package var key: FilePath
        package var authorities: FilePath

        package init(certificate: FilePath, key: FilePath, authorities: FilePath) {
            self.certificate = certificate
            self.key = key
            self.authorities = authorities
        }
    }

    package var kind: Kind
    package var address: Address
    /// The client certificate and key, also used for the engines of a swarm's nodes; nil if there are none.
    package var identity: Identity?

    /// A reason why a text does not name an engine, as one sentence without its period.
    package struct Problem: Error, Equatable {
        package var reason: String
    }

    /// Parses the URL of an engine: `unix:///PATH`, `tcp://HOST:PORT`, or either with `swarm+` before it.
    ///
    /// - Parameters:
    ///   - url: The URL.
    ///   - identity: The certificates for `tcp://`; nil if they are not given.
    /// - Throws: A problem if the URL is invalid, or needs certificates and has none.
    package init(_ url: String, identity: Identity? = nil) throws(Problem) {
        var rest = url[...]
        self.identity = identity
        kind = rest.hasPrefix("swarm+") ? .swarm : .docker
        if kind == .swarm { rest = rest.dropFirst("swarm+".count) }
        if rest.hasPrefix("unix://") {
            let path = FilePath(String(rest.dropFirst("unix://".count)))
            guard path.isAbsolute, !path.namesDirectory, !path.containsZero else {
                throw Problem(
                    reason: "invalid engine \"\(url)\": a socket needs its whole path, as in unix:///run/docker.sock")
            }
            // The system's limit for the path of a socket.
            guard path.bytes.count <= 107 else {
                throw Problem(reason: "invalid engine \"\(url)\": the path of a socket has at most 107 bytes")
            }
            // The engines of other nodes may need them.
            guard identity == nil || kind == .swarm else {
                throw Problem(
                    reason: "the certificates for the engine need a URL such as tcp://HOST:2376, not a socket")
            }
            address = .socket(path)
        } else if rest.hasPrefix("tcp://") {
            var host = rest.dropFirst("tcp://".count)
            if host.hasSuffix("/") { host.removeLast() }
            guard let colon = host.lastIndex(of: ":"),
                Int(host[host.index(after: colon)...]).map({ (1...65535).contains($0) }) == true,
                colon > host.startIndex,
                host.utf8.allSatisfy({ $0 > 0x20 && $0 < 0x7F && !#"/?#@\"<>"#.utf8.contains($0) }),
                host.hasPrefix("[") == host[..<colon].hasSuffix("]"),
                host.hasPrefix("[") || !host[..<colon].contains(":")
            else {
                throw Problem(
                    reason: "invalid engine \"\(url)\": use a host and a port, as in tcp://engine.example:2376")
            }
            guard let identity else {
                throw Problem(
                    reason:
                        "\(url) needs --engine-cert, --engine-key and --engine-ca, because a client that reaches an engine"
                        + " without certificates controls its machine")
            }
            address = .secure(host: String(host), identity)
        } else {
            throw Problem(
                reason:
                    "invalid engine \"\(url)\": use unix:///PATH or tcp://HOST:PORT, with swarm+ before it for Docker Swarm"
            )
        }
    }
}
