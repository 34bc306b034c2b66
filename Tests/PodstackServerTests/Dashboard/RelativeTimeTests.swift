import Testing

@testable import PodstackServer

@Suite("Relative times", .timeLimit(.perTest))
struct RelativeTimeTests {
    @Test(
        "past times are rounded down, future times up, and both to the nearest from three months on",
        arguments: [
            (0, "just now"), (-59, "just now"), (59, "in a moment"), (-60, "1 minute ago"), (-119, "1 minute ago"),
            (-3599, "59 minutes ago"), (3601, "in 2 hours"), (-86_399, "23 hours ago"), (-86_400, "1 day ago"),
            (7 * 86_400, "in 7 days"), (7 * 86_400 - 1, "in 7 days"), (-89 * 86_400, "89 days ago"),
            (90 * 86_400, "in 3 months"), (180 * 86_400 - 60, "in 6 months"), (365 * 86_400, "in 12 months"),
            (-3 * 365 * 86_400, "3 years ago"),
        ] as [(Int64, String)])
    func distance(seconds: Int64, text: String) {
        let now: Int64 = 1_900_000_000
        #expect(RelativeTime.text(of: now + seconds, from: now) == text)
    }

    @Test("the audit log names the address of the program apart from that of the viewer")
    func address() {
        #expect(AuditText.fieldName("address") == "Requested from")
        #expect(AuditText.fieldName("expires_at") == "Expires at")
    }
}
