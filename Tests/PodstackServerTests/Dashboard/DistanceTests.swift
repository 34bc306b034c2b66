import Testing

@testable import PodstackServer

@Suite("How far away a time is, in words", .timeLimit(.perTest))
struct DistanceTests {
    @Test(
        "what was is rounded down, what is to come up, and from three months on both to the nearest",
        arguments: [
            (0, "just now"), (-59, "just now"), (59, "in a moment"), (-60, "1 minute ago"), (-119, "1 minute ago"),
            (-3599, "59 minutes ago"), (3601, "in 2 hours"), (-86_399, "23 hours ago"), (-86_400, "1 day ago"),
            (7 * 86_400, "in 7 days"), (7 * 86_400 - 1, "in 7 days"), (-89 * 86_400, "89 days ago"),
            (90 * 86_400, "in 3 months"), (180 * 86_400 - 60, "in 6 months"), (365 * 86_400, "in 12 months"),
            (-3 * 365 * 86_400, "3 years ago"),
        ] as [(Int64, String)])
    func distance(seconds: Int64, text: String) {
        let now: Int64 = 1_900_000_000
        #expect(Calendar.distance(to: now + seconds, from: now) == text)
    }

    @Test("the audit log tells apart where a program asked from and where somebody decided")
    func address() {
        #expect(AuditWords.label("address") == "Asked from")
        #expect(AuditWords.label("expires_at") == "Expires at")
    }
}
