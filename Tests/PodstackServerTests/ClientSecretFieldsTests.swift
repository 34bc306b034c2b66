import PodstackAPI
import PodstackTestSupport
import Testing

@testable import PodstackServer

@Suite("The fields of a secret that the caller generated", .timeLimit(.perTest))
struct ClientSecretFieldsTests {
    @Test(
        "one that is missing is reported even if the other has the wrong type",
        arguments: [("id", JSONValue.integer(5)), ("id", .null), ("sha256", .bool(true)), ("sha256", .array([]))])
    func missing(field: String, value: JSONValue) {
        let requests: [() throws -> Void] = [
            { _ = try TokenRequest(json: ["name": "n", field: value], at: 0) },
            { _ = try RotationRequest(json: [field: value], tokenID: "00000000") },
            { _ = try DeviceAuthorizationRequest(json: ["client_name": "n", field: value]) },
        ]
        for request in requests {
            let error = #expect(throws: DomainError.self) { try request() }
            guard case .invalid(let errors)? = error else {
                Issue.record("\(String(describing: error))")
                continue
            }
            #expect(errors.messages.keys.sorted() == ["id", "sha256"])
            #expect(errors.messages.values.allSatisfy { $0.count == 1 })
        }
    }
}
