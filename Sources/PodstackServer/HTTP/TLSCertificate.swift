import CGnuTLS
import Synchronization

/// The certificate of the service with its key, read from two files; the only source file that calls GnuTLS.
final class TLSCertificate: Sendable {
    /// The accepted versions and ciphers: TLS 1.3, and TLS 1.2 with forward secrecy and authenticated encryption.
    // Safe: written only here, before its first use, and never freed.
    nonisolated(unsafe) static let priorities: UnsafeMutableRawPointer = {
        let text = """
            SECURE128:-VERS-ALL:+VERS-TLS1.3:+VERS-TLS1.2:-KX-ALL:+ECDHE-ECDSA:+ECDHE-RSA:-CIPHER-ALL:+AES-256-GCM:\
            +AES-128-GCM:+CHACHA20-POLY1305:-MAC-ALL:+AEAD\0
            """
        let copy = UnsafeMutableRawPointer.allocate(byteCount: text.utf8.count, alignment: 1)
        copy.copyMemory(from: Array(text.utf8), byteCount: text.utf8.count)
        return copy
    }()

    // Safe: never changed after its creation, and GnuTLS only reads it in the sessions that use it.
    private struct Credentials: @unchecked Sendable {
        let pointer: gnutls_certificate_credentials_t
        let end: Int64
    }

    /// The text of both files, each with a NUL at its end, as libmicrohttpd requires it at its start.
    struct PEM {
        var certificate: [UInt8]
        var key: [UInt8]
    }

    /// Calls `body` with pointers to both texts, or with nil.
    static func withPointers<Result>(
        to pem: PEM?, _ body: (_ certificate: UnsafeMutableRawPointer?, _ key: UnsafeMutableRawPointer?) -> Result
    ) -> Result {
        guard var pem else { return body(nil, nil) }
        return pem.certificate.withUnsafeMutableBytes { certificate in
            pem.key.withUnsafeMutableBytes { body(certificate.baseAddress, $0.baseAddress) }
        }
    }

    private let certificateFile: String
    private let keyFile: String
    /// The credentials, the newest last.
    ///
    /// Older ones are kept, because sessions that began with them still use them.
    private let credentials: Mutex<[Credentials]>

    /// Reads both files.
    ///
    /// - Throws: ``SetupFailure`` if the key does not belong to the certificate, or other users can read the key.
    init(certificateFile: String, keyFile: String) throws {
        self.certificateFile = certificateFile
        self.keyFile = keyFile
        credentials = Mutex([])
        try reload()
    }

    deinit {
        credentials.withLock { for old in $0 { gnutls_certificate_free_credentials(old.pointer) } }
    }

    /// Reads the files again for new connections; open connections are not affected.
    ///
    /// If the files are invalid, the current certificate stays in use.
    func reload() throws {
        let pem = try pem()
        var allocated: gnutls_certificate_credentials_t?
        guard gnutls_certificate_allocate_credentials(&allocated) == GNUTLS_E_SUCCESS, let allocated else {
            throw SetupFailure("not enough memory for a certificate")
        }
        let code = Self.withDatum(pem.certificate) { certificate in
            Self.withDatum(pem.key) { key in
                gnutls_certificate_set_x509_key_mem(allocated, certificate, key, GNUTLS_X509_FMT_PEM)
            }
        }
        guard code >= 0 else {
            gnutls_certificate_free_credentials(allocated)
            let reason = String(cString: gnutls_strerror(code))
            throw SetupFailure("\(certificateFile) and \(keyFile) are not a certificate and its key: \(reason)")
        }
        let end = Self.end(of: pem.certificate)
        credentials.withLock { $0.append(Credentials(pointer: allocated, end: end)) }
    }

    /// The time at which the first certificate of the chain in use expires, in seconds since 1970.
    var end: Int64 { credentials.withLock { $0.last?.end ?? 0 } }

    private static let longestChain: UInt32 = 16

    private static func end(of certificate: [UInt8]) -> Int64 {
        var chain = [gnutls_x509_crt_t?](repeating: nil, count: Int(longestChain))
        var count = longestChain
        let code = withDatum(certificate) {
            gnutls_x509_crt_list_import(&chain, &count, $0, GNUTLS_X509_FMT_PEM, 0)
        }
        guard code > 0 else { return 0 }
        let used = chain.prefix(Int(code)).compactMap { $0 }
        defer { for certificate in used { gnutls_x509_crt_deinit(certificate) } }
        return used.map { Int64(gnutls_x509_crt_get_expiration_time($0)) }.min() ?? 0
    }

    func pem() throws -> PEM {
        PEM(
            certificate: try SetupFile.read(certificateFile, maxBytes: 1 << 20) + [0],
            key: try SetupFile.readSecret(keyFile, maxBytes: 1 << 20) + [0])
    }

    /// Makes a session use the newest certificate.
    ///
    /// - Parameter session: The TLS session of a connection whose handshake has not begun.
    func present(to session: UnsafeMutableRawPointer) {
        guard let newest = credentials.withLock({ $0.last }) else { return }
        gnutls_credentials_set(
            OpaquePointer(session), GNUTLS_CRD_CERTIFICATE, UnsafeMutableRawPointer(newest.pointer))
    }

    fileprivate static func withDatum<Result>(
        _ bytes: [UInt8], _ body: (UnsafePointer<gnutls_datum_t>) -> Result
    ) -> Result {
        var bytes = bytes
        return bytes.withUnsafeMutableBufferPointer { buffer in
            // Without the NUL at the end.
            var datum = gnutls_datum_t(data: buffer.baseAddress, size: UInt32(buffer.count - 1))
            return body(&datum)
        }
    }
}

// MARK: - Inspection

/// The facts about a certificate chain that an operator should know.
struct CertificateInspection: Sendable {
    /// The times from which and until which every certificate of the chain is valid, in seconds since 1970.
    var begin: Int64
    var end: Int64
    /// Whether each certificate was issued by the next one.
    var isChainInOrder: Bool
    /// Whether the first certificate was issued by itself, so that clients must know it.
    var isSelfSigned: Bool
    /// Whether the chain is only the first certificate, although that was issued by another.
    var lacksIntermediate: Bool
    /// Whether the first certificate is for the host, or nil if no host is given.
    var matchesHost: Bool?

    /// Reads the chain of a file.
    ///
    /// - Parameters:
    ///   - file: The file, in PEM.
    ///   - host: The name of the host that browsers use, if it is known.
    /// - Throws: ``SetupFailure`` if the file cannot be read.
    init(file: String, host: String?) throws {
        let bytes = try SetupFile.read(file, maxBytes: 1 << 20) + [0]
        let maxCount: UInt32 = 16
        var chain = [gnutls_x509_crt_t?](repeating: nil, count: Int(maxCount))
        var count = maxCount
        let code = TLSCertificate.withDatum(bytes) {
            gnutls_x509_crt_list_import(&chain, &count, $0, GNUTLS_X509_FMT_PEM, 0)
        }
        let certificates = chain.prefix(Int(max(0, code))).compactMap { $0 }
        defer { for certificate in certificates { gnutls_x509_crt_deinit(certificate) } }
        guard let first = certificates.first else { throw SetupFailure("\(file) contains no certificate") }
        begin = certificates.map { Int64(gnutls_x509_crt_get_activation_time($0)) }.max() ?? 0
        end = certificates.map { Int64(gnutls_x509_crt_get_expiration_time($0)) }.min() ?? 0
        isChainInOrder = zip(certificates, certificates.dropFirst()).allSatisfy {
            gnutls_x509_crt_check_issuer($0, $1) != 0
        }
        isSelfSigned = gnutls_x509_crt_check_issuer(first, first) != 0
        lacksIntermediate = certificates.count == 1 && !isSelfSigned
        matchesHost = host.map { gnutls_x509_crt_check_hostname(first, $0) != 0 }
    }
}
