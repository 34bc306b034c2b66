import Testing

@testable import PodstackServer

/// The invariants at the beginning of `HTTP/DeferredResponse.swift`.
@Suite("The state of a deferred response", .timeLimit(.minutes(1)))
struct DeferredResponseStateTests {
    private func ready(_ id: String) -> HandlerResult.Ready { (Response(status: 200), id) }

    @Test("the first response counts, and later ones are dropped")
    func firstResponse() {
        var state = DeferredResponseState()
        #expect(state.start(isClientGone: false) == .produce)
        #expect(state.finish(ready("first")) == .none)
        #expect(state.finish(ready("second")) == .none)
        #expect(state.take()?.requestID == "first")
        #expect(state.take()?.requestID == "first")
    }

    @Test("a connection is resumed once, and only if it is suspended")
    func resumedOnce() {
        var state = DeferredResponseState()
        #expect(state.take() == nil)
        #expect(state.isSuspended)
        #expect(state.start(isClientGone: false) == .produce)
        #expect(state.finish(ready("first")) == .resume)
        #expect(!state.isSuspended)
        #expect(state.finish(ready("cut")) == .none)

        var running = DeferredResponseState()
        #expect(running.start(isClientGone: false) == .produce)
        #expect(running.finish(ready("first")) == .none)
    }

    @Test("once there is a response, the connection is not suspended any more")
    func notSuspended() {
        var state = DeferredResponseState()
        _ = state.refuse()
        _ = state.finish(ready("refused"))
        #expect(state.take() != nil)
        #expect(!state.isSuspended)
    }

    @Test("the work starts once, and never after the request was refused")
    func startedOnce() {
        var state = DeferredResponseState()
        #expect(state.start(isClientGone: false) == .produce)
        #expect(state.start(isClientGone: false) == .none)
        #expect(state.refuse() == .none)

        var refused = DeferredResponseState()
        #expect(refused.refuse() == .refuse)
        #expect(refused.refuse() == .none)
        #expect(refused.start(isClientGone: false) == .none)
    }

    @Test("work is handed on only while it is produced, and not after the request was refused or responded to")
    func handedOn() {
        var state = DeferredResponseState()
        #expect(state.handOn() == .none)
        #expect(state.start(isClientGone: false) == .produce)
        #expect(state.handOn() == .enqueue)
        #expect(state.handOn() == .none)
        #expect(state.start(isClientGone: false) == .produce)
        #expect(state.refuse() == .none)
        #expect(state.handOn() == .refuse)
        #expect(state.finish(ready("refused")) == .none)
        #expect(state.handOn() == .none)
        #expect(state.take()?.requestID == "refused")

        var left = DeferredResponseState()
        #expect(left.take() == nil)
        #expect(left.start(isClientGone: false) == .produce)
        #expect(left.handOn() == .enqueue)
        #expect(left.start(isClientGone: true) == .resume)
    }

    @Test("the work does not start for a client that has closed its connection")
    func clientGone() {
        var state = DeferredResponseState()
        #expect(state.take() == nil)
        #expect(state.start(isClientGone: true) == .resume)
        #expect(state.take()?.response.status == 503)
        #expect(state.start(isClientGone: false) == .none)
        // Whether the client is gone is only asked about a connection that may be suspended.
        var page = false
        #expect(
            state.start(
                isClientGone: {
                    page = true
                    return false
                }()) == .none)
        #expect(!page)
    }

    /// The events of one request, each of which can happen at any time.
    enum Event: CaseIterable { case start, startWithoutClient, handOn, refuse, cut, take }

    @Test("every order of events ends with one response and a connection that is not suspended")
    func everyOrder() {
        func orders(_ length: Int) -> [[Event]] {
            length == 0 ? [[]] : orders(length - 1).flatMap { order in Event.allCases.map { order + [$0] } }
        }
        for order in orders(5) {
            var state = DeferredResponseState()
            // The pieces of work that were started and those that could be: one, and one for each time it was handed on.
            var productions = 0
            var pieces = 1
            var isProducing = false
            var isRefused = false
            var suspended = false
            func perform(_ action: DeferredResponseState.Action) {
                switch action {
                case .none: break
                case .resume:
                    #expect(suspended, "\(order): resumed a running connection")
                    suspended = false
                case .enqueue: pieces += 1
                case .produce:
                    #expect(!isRefused, "\(order): started after it was refused")
                    productions += 1
                    isProducing = true
                case .refuse: perform(state.finish((Response(status: 503), "")))
                }
            }
            // Work that was started ends with a response, unless it was handed on.
            func endWork() {
                guard isProducing else { return }
                isProducing = false
                perform(state.finish((Response(status: 200), "")))
            }
            for event in order + [.start] {
                switch event {
                case .start:
                    endWork()
                    perform(state.start(isClientGone: false))
                case .startWithoutClient:
                    endWork()
                    perform(state.start(isClientGone: true))
                case .handOn:
                    guard isProducing else { continue }
                    isProducing = false
                    perform(state.handOn())
                case .refuse:
                    perform(state.refuse())
                    isRefused = true
                case .cut: perform(state.finish((Response(status: 503), "cut")))
                // A suspended connection does not ask again.
                case .take: if !suspended { suspended = state.take() == nil }
                }
                #expect(suspended == state.isSuspended, "\(order)")
            }
            endWork()
            #expect(productions <= pieces, "\(order)")
            #expect(!suspended && state.take() != nil, "\(order)")
        }
    }
}
