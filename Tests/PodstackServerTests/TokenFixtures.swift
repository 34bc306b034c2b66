import PodstackAPI
import PodstackCryptography
import PodstackTestSupport

#if canImport(FoundationEssentials)
    import FoundationEssentials
#else
    import Foundation
#endif

extension TestClient {
    /// Accepts the invitation to a project.
    @discardableResult
    func accept(_ projectID: String) throws -> TestResponse { try answer(projectID, "accept") }

    /// Accepts or declines the invitation to a project.
    func answer(_ projectID: String, _ answer: String) throws -> TestResponse {
        let id = try whoami().decoded(User.self).id
        return try send("POST", "/v1/projects/\(projectID)/members/\(id)/\(answer)")
    }

    /// Returns a time as the API writes it.
    static func time(_ seconds: Int64) -> String {
        Timestamp.format(Date(timeIntervalSince1970: TimeInterval(seconds)))
    }

    /// Returns the JSON fields of a creation of, or rotation to, a secret that the caller generated.
    static func fields(of token: String, grace: Int? = nil) -> String {
        #""id": "\#(token.dropFirst(9).prefix(8))", "sha256": "\#(Sodium.sha256(token.utf8).hexadecimal)""#
            + (grace.map { #", "grace_seconds": \#($0)"# } ?? "")
    }
}
