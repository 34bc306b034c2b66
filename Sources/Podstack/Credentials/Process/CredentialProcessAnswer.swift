import PodstackAPI

#if canImport(FoundationEssentials)
    import FoundationEssentials
#else
    import Foundation
#endif

/// What a `credential_process` prints. Pure.
struct CredentialProcessOutput: Decodable {
    var version: Int
    var apiToken: String
    var expiresAt: Date?

    private enum CodingKeys: String, CodingKey {
        case version
        case apiToken = "api_token"
        case expiresAt = "expires_at"
    }

    /// Throws ``ConfigurationError`` when the command failed or printed anything else, never with what it printed.
    static func credential(in result: ChildProcess.Result, from source: ClientConfiguration.Source) throws -> Credential
    {
        guard result.status == 0 else { throw failure(result, of: "\(source)") }
        let answer: CredentialProcessOutput
        do { answer = try APICoding.decode(CredentialProcessOutput.self, from: result.output) } catch {
            throw ConfigurationError(
                message: "\(source) did not print the JSON object that is expected",
                hint: #"It prints {"version": 1, "api_token": "…", "expires_at": "2027-01-31T12:00:00Z"}"#)
        }
        guard answer.version == 1 else {
            throw ConfigurationError(
                message: "\(source) printed version \(answer.version), and only version 1 is understood")
        }
        return Credential(try ErrorMapping.usable(answer.apiToken, from: source), expiresAt: answer.expiresAt)
    }

    static func failure(_ result: ChildProcess.Result, of command: Wording) -> ConfigurationError {
        let said = result.said
        return ConfigurationError(
            message: "\(command) failed with status \(result.status)\(said.isEmpty ? "" : ": \(said)")")
    }
}
