import PodstackTestSupport
import Testing

@testable import PodstackServer

@Suite("The hashes of the audit log", .timeLimit(.perTest))
struct AuditHashTests {
    let chain = AuditChain(Peppers(current: Pepper(bytes: [UInt8](repeating: 7, count: 32))))

    func event(_ resourceID: String, _ resourceName: String) -> AuditRecord {
        AuditRecord(
            accountID: "acc_1", number: 1, id: "evt_1", createdAt: 0, action: "create", resourceType: "token",
            resourceID: resourceID, resourceName: resourceName, projectID: nil, userID: nil, userEmail: nil,
            tokenID: nil, address: nil, userAgent: nil, details: "{}")
    }

    @Test("two events whose texts only join to the same text have different hashes")
    func boundaries() {
        let (first, second) = (event("a:b", "c"), event("a", "b:c"))
        #expect(chain.hash(first, after: AuditChain.start) != chain.hash(second, after: AuditChain.start))
    }

    @Test("the hash of an event depends on the event before it")
    func previous() {
        let other = [UInt8](repeating: 1, count: 32)
        #expect(chain.hash(event("a", "b"), after: AuditChain.start) != chain.hash(event("a", "b"), after: other))
    }

    @Test("the seal depends on the numbers and the hashes of both ends")
    func seal() {
        let ends = AuditChain.Ends(accountID: "acc_1", first: 1, last: 5)
        let hash = [UInt8](repeating: 1, count: 32)
        var others = [ends, ends, ends, ends, ends]
        others[0].accountID = "acc_2"
        others[1].first = 2
        others[2].last = 4
        others[3].firstHash = hash
        others[4].lastHash = hash
        for other in others { #expect(chain.seal(other) != chain.seal(ends)) }
    }
}
