/// A certificate authority that nobody knows, made for a test by the program `openssl`.
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

    /// Its certificate, in PEM.
    package var bundle: String { directory.file("ca.pem") }

    /// The paths of a certificate and its key.
    ///
    /// - Parameter names: As openssl writes them: `DNS:localhost,IP:127.0.0.1`.
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
