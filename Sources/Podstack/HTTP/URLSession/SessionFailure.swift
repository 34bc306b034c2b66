#if canImport(Darwin) || PODSTACK_URLSESSION
    import Foundation

    #if canImport(FoundationNetworking)
        import FoundationNetworking
    #endif
    #if PODSTACK_URLSESSION
        import Podstack
    #endif

    /// What `URLSession` reports, in the words of the other transports. Its own are not used: they may hold the URL.
    enum SessionFailure {
        static func error(for error: any Error, _ options: ConnectionOptions) -> any Error {
            guard let error = error as? URLError else { return TransportFailure(reason: "the connection failed") }
            if error.code == .cancelled { return CancellationError() }
            let (reason, mayPass) = explanation(Self.code(of: error), options)
            return TransportFailure(reason: reason, mayPass: mayPass)
        }

        private static func code(of error: URLError) -> URLError.Code {
            #if canImport(FoundationNetworking)
                // On Linux there is no code for a certificate that is refused, only libcurl's words.
                let words = error.userInfo[NSLocalizedDescriptionKey] as? String ?? ""
                if words.contains("certificate has expired") { return .serverCertificateHasBadDate }
                if words.contains("certificate") { return .serverCertificateUntrusted }
                // The URL was good when it was made: what libcurl calls so is an answer that is not HTTP.
                if error.code == .unsupportedURL { return .badServerResponse }
            #endif
            return error.code
        }

        private static func explanation(_ code: URLError.Code, _ options: ConnectionOptions) -> (String, Bool) {
            let authorities = options.certificateAuthorities.map { "of \($0)" } ?? "of the system"
            switch code {
            case .timedOut: return (TransportFailure.timedOut.reason, true)
            case .cannotFindHost, .dnsLookupFailed: return ("the host's name is not known", true)
            case .cannotConnectToHost: return ("no connection could be made", true)
            case .networkConnectionLost: return ("the connection was lost", true)
            case .notConnectedToInternet: return ("this machine is not connected", true)
            case .badServerResponse, .cannotParseResponse, .cannotDecodeRawData, .cannotDecodeContentData:
                return ("what came back is not HTTP", true)
            case .serverCertificateHasBadDate: return ("its certificate has expired", false)
            case .serverCertificateNotYetValid: return ("its certificate is not valid yet", false)
            case .serverCertificateUntrusted, .serverCertificateHasUnknownRoot:
                return (
                    "its certificate is not from the authorities \(authorities), or is for another name; "
                        + "PODSTACK_CA_BUNDLE names a file with others", false
                )
            case .secureConnectionFailed: return ("no secure connection could be made", true)
            case .badURL, .unsupportedURL: return ("the URL is malformed", false)
            default: return ("the connection failed with error \(code.rawValue)", true)
            }
        }
    }
#endif
