#if canImport(Darwin)
    import Foundation
    import Security

    /// The authorities of a PEM file.
    struct CertificateAuthorities {
        private let certificates: [SecCertificate]

        /// Nil when the file cannot be read or holds none.
        init?(file: String) {
            guard let text = try? String(contentsOfFile: file, encoding: .utf8) else { return nil }
            certificates = text.components(separatedBy: "-----BEGIN CERTIFICATE-----").dropFirst().compactMap { part in
                guard let end = part.range(of: "-----END CERTIFICATE-----"),
                    let data = Data(base64Encoded: String(part[..<end.lowerBound]), options: .ignoreUnknownCharacters)
                else { return nil }
                return SecCertificateCreateWithData(nil, data as CFData)
            }
            if certificates.isEmpty { return nil }
        }

        /// Whether these, and not the system's, vouch for the server; its name and dates are checked too.
        func accept(_ trust: SecTrust) -> Bool {
            SecTrustSetAnchorCertificates(trust, certificates as CFArray) == errSecSuccess
                && SecTrustSetAnchorCertificatesOnly(trust, true) == errSecSuccess
                && SecTrustEvaluateWithError(trust, nil)
        }
    }
#endif
