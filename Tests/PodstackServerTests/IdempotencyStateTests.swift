import Testing

@testable import PodstackServer

/// The invariants at the beginning of `API/IdempotentReplies.swift`.
@Suite("The state of an idempotency key", .timeLimit(.minutes(1)))
struct IdempotencyStateTests {
    private let key = IdempotencyKey(tokenID: "00000000", key: "a", requestHash: [1])
    private let reply = IdempotentReply(requestHash: [1], status: 201, body: [7], createdAt: 1000)

    @Test("the first request runs")
    func first() {
        var state = IdempotencyState()
        #expect(state.begin(key) == .lookUp)
        #expect(IdempotencyState.decide(key, stored: nil, now: 1000) == .run)
    }

    @Test("a repeat is rejected while the first request runs")
    func running() {
        var state = IdempotencyState()
        #expect(state.begin(key) == .lookUp)
        #expect(state.begin(key) == .rejectRunning)
        // The rejected request must not end the first one.
        #expect(state.begin(key) == .rejectRunning)
    }

    @Test("after a failure, the key can be used again")
    func failed() {
        var state = IdempotencyState()
        #expect(state.begin(key) == .lookUp)
        state.finish(key)
        #expect(state.begin(key) == .lookUp)
        #expect(IdempotencyState.decide(key, stored: nil, now: 1001) == .run)
    }

    @Test("a repeat gets the stored reply")
    func replay() {
        for now: Int64 in [1000, 1001, 1000 + 86_399] {
            #expect(IdempotencyState.decide(key, stored: reply, now: now) == .replay(reply))
        }
    }

    @Test("a key that was used for a different request is rejected")
    func different() {
        let other = IdempotencyKey(tokenID: "00000000", key: "a", requestHash: [2])
        for now: Int64 in [1001, 1000 + 23 * 3600] {
            #expect(IdempotencyState.decide(other, stored: reply, now: now) == .rejectReused)
        }
    }

    @Test("after 24 hours, a key is unused, even for a different request")
    func expired() {
        let other = IdempotencyKey(tokenID: "00000000", key: "a", requestHash: [2])
        for key in [key, other] {
            #expect(IdempotencyState.decide(key, stored: reply, now: 1000 + 86_400) == .run)
        }
    }

    @Test("keys of different tokens are independent")
    func perToken() {
        var state = IdempotencyState()
        #expect(state.begin(key) == .lookUp)
        #expect(state.begin(IdempotencyKey(tokenID: "00000001", key: "a", requestHash: [1])) == .lookUp)
        #expect(state.begin(IdempotencyKey(tokenID: "00000000", key: "b", requestHash: [1])) == .lookUp)
    }
}
