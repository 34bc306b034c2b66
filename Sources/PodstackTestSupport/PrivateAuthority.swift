/// A certificate authority of a test, which no system trusts, created by the program `openssl`.
package final class PrivateAuthority: Sendable {
    private let directory: TemporaryDirectory

    package init() throws {
        directory = try TemporaryDirectory()
        try openssl(
            ["req", "-x509"] + Self.newKey + [
                "-keyout", directory.file("ca.key"), "-out", bundle, "-days", "2", "-subj",
                "/CN=An authority of a test",
                "-addext", "keyUsage=critical,keyCertSign",
            ])
    }

    /// The path of the authority's certificate, in PEM.
    package var bundle: String { directory.file("ca.pem") }

    /// Issues a certificate.
    ///
    /// - Parameters:
    ///   - name: The common name, and the name of the files.
    ///   - names: The alternative names as openssl writes them, such as `DNS:localhost,IP:127.0.0.1`.
    ///   - isExpired: Whether the certificate has already expired.
    ///   - days: The lifetime.
    /// - Returns: The paths of the certificate and its key.
    /// - Throws: The output of openssl if it fails.
    package func issue(_ name: String, for names: String, isExpired: Bool = false, days: Int = 2) throws -> (
        certificate: String, key: String
    ) {
        let files = ["csr", "key", "pem", "ext"].map { directory.file("\(name).\($0)") }
        try openssl(["req", "-new"] + Self.newKey + ["-keyout", files[1], "-out", files[0], "-subj", "/CN=\(name)"])
        _ = try directory.write("subjectAltName=\(names)\n", to: "\(name).ext")
        try openssl([
            "x509", "-req", "-in", files[0], "-CA", bundle, "-CAkey", directory.file("ca.key"), "-CAcreateserial",
            "-days", isExpired ? "-1" : String(days), "-extfile", files[3], "-out", files[2],
        ])
        return (files[2], files[1])
    }

    private static let newKey = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes"]

    private func openssl(_ arguments: [String]) throws {
        let process = try ToolProcess(installed: "openssl", arguments)
        guard process.wait() == 0 else { throw ToolProcess.Failure(reason: process.standardError) }
    }
}
