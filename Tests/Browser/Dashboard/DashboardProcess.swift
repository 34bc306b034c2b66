import Foundation
import PodstackTestSupport

/// The real server with an empty data directory, and the real command line.
final class DashboardProcess {
    static let email = "ada@example.com"
    static let password = "a horse, a battery and a staple"

    /// The URL of the server, without a trailing slash.
    let url: String
    private let folder: TemporaryDirectory
    private let process: ToolProcess

    /// Starts the server with a certificate of `authority`, or without TLS.
    init(authority: PrivateAuthority? = nil) throws {
        folder = try TemporaryDirectory()
        var words = ["serve", "--listen", "127.0.0.1:0", "--data", folder.file("data")]
        if let authority {
            let (certificate, key) = try authority.issue("server", for: "IP:127.0.0.1")
            guard chmod(key, 0o600) == 0 else { throw BrowserFailure(description: "cannot guard \(key)") }
            words += ["--tls-cert", certificate, "--tls-key", key]
        }
        let process = try ToolProcess(attached: try ToolProcess.path(of: "podstack-server"), words, ending: "TERM")
        // The second line names the file with the link to the first account.
        try process.waitForOutput { $0.split(separator: "\n", omittingEmptySubsequences: false).count > 2 }
        let line = process.standardOutput.prefix { $0 != "\n" }
        url = String(line.dropFirst("podstack-server listening on ".count))
        self.process = process
    }

    /// Returns the link to the first account, from its file.
    func firstAccountLink() throws -> String {
        let path = process.standardOutput.split(separator: "\n").last?.split(separator: " ").last ?? ""
        guard let text = FileManager.default.contents(atPath: String(path)) else {
            throw BrowserFailure(description: "there is no link to the first account: \(process.standardOutput)")
        }
        return String(decoding: text, as: UTF8.self).trimmingCharacters(in: .newlines)
    }

    /// Starts `podstack` with a home directory that is kept between calls, and with a token in its environment.
    func startPodstack(_ words: [String], token: String? = nil) throws -> ToolProcess {
        var environment = ["HOME": folder.path, "PODSTACK_API_ENDPOINT": url]
        environment["PODSTACK_API_TOKEN"] = token
        return try ToolProcess("podstack", words, environment: environment)
    }

    func podstack(
        _ words: String..., token: String? = nil
    ) throws -> (status: Int32, output: String, error: String) {
        let process = try startPodstack(words, token: token)
        let status = process.wait()
        return (status, process.standardOutput, process.standardError)
    }

    var port: UInt16 { url.split(separator: ":").last.flatMap { UInt16($0) } ?? 0 }
}
