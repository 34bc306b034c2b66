import Foundation
import PodstackTestSupport
import Testing

@testable import Podstack

@Suite("Waits between retries", .blocking, .timeLimit(.minutes(1)))
struct RetryScheduleTests {
    @Test("the longest wait doubles up to the limit")
    func growth() {
        var retry = Retry(
            RetryConfiguration(maxRetries: 6, initialDelay: .milliseconds(500), maxDelay: .seconds(5)))
        let waits = (0..<7).map { _ in
            retry.next(after: .serverError, requested: nil, left: .seconds(100), fraction: 1)
        }
        #expect(
            waits == [
                .milliseconds(500), .seconds(1), .seconds(2), .seconds(4), .seconds(5), .seconds(5), nil,
            ])
    }

    @Test("the wait is a random part of the longest wait")
    func jitter() {
        var retry = Retry(RetryConfiguration(initialDelay: .seconds(1)))
        #expect(retry.next(after: .networkError, requested: nil, left: .seconds(100), fraction: 0) == .zero)
        #expect(
            retry.next(after: .networkError, requested: nil, left: .seconds(100), fraction: 0.25) == .milliseconds(500))
    }

    @Test("invalid settings cause neither a crash nor an endless wait")
    func invalidSettings() {
        for factor in [Double.nan, .infinity, -5, 0, 1e300] {
            for delay in [Duration.seconds(-1), .zero, .seconds(1_000_000)] {
                var retry = Retry(
                    RetryConfiguration(
                        maxRetries: 50, backoffFactor: factor, initialDelay: delay, maxDelay: .seconds(9)))
                while let wait = retry.next(after: .rateLimit, requested: nil, left: .seconds(100), fraction: 0.99) {
                    #expect(wait >= .zero && wait <= .seconds(9))
                }
            }
        }
        var never = Retry(RetryConfiguration(maxRetries: -1))
        #expect(never.next(after: .rateLimit, requested: .zero, left: .seconds(1), fraction: 0) == nil)
    }

    @Test("Retry-After lengthens the back-off and never removes it")
    func lengthening() {
        func wait(_ requested: Duration?, fraction: Double = 0.5) -> Duration? {
            var retry = Retry(RetryConfiguration(initialDelay: .seconds(4)))
            return retry.next(after: .rateLimit, requested: requested, left: .seconds(100), fraction: fraction)
        }
        #expect(wait(nil) == .seconds(2))
        #expect(wait(.zero) == .seconds(2))
        #expect(wait(.seconds(1)) == .seconds(2))
        #expect(wait(.seconds(10)) == .milliseconds(10_500))
        #expect(wait(.seconds(10), fraction: 0) == .seconds(10))
        #expect(wait(.seconds(99)) == nil)
    }

    @Test("a date in Retry-After is relative to the response's own date")
    func relative() throws {
        let now = try #require(Timestamp.parse("2026-10-21T09:00:00Z"))
        func wait(_ after: String, _ date: String?) -> Duration? {
            let headers = [HeaderField("Retry-After", after)] + (date.map { [HeaderField("Date", $0)] } ?? [])
            return RetryAfter.wait(in: TransportResponse(status: 503, headers: headers, body: []), now: now)
        }
        // The service's clock is an hour and a half behind, then ahead.
        #expect(wait("Wed, 21 Oct 2026 07:30:20 GMT", "Wed, 21 Oct 2026 07:30:00 GMT") == .seconds(20))
        #expect(wait("Wed, 21 Oct 2026 10:30:20 GMT", "Wednesday, 21-Oct-26 10:30:00 GMT") == .seconds(20))
        #expect(wait("Wed, 21 Oct 2026 09:00:05 GMT", nil) == .seconds(5))
        #expect(wait("Wed, 21 Oct 2026 09:00:05 GMT", "yesterday") == .seconds(5))
        #expect(wait("7", "Wed, 21 Oct 2026 07:30:00 GMT") == .seconds(7))
        #expect(RetryAfter.wait(in: TransportResponse(status: 503, headers: [], body: []), now: now) == nil)
    }

    @Test("Retry-After is seconds or a date")
    func retryAfter() throws {
        let now = try #require(Timestamp.parse("2026-10-21T07:28:00Z"))
        #expect(RetryAfter.parse("120", now: now) == .seconds(120))
        #expect(RetryAfter.parse(" 0 ", now: now) == .zero)
        #expect(RetryAfter.parse("Wed, 21 Oct 2026 07:28:30 GMT", now: now) == .seconds(30))
        #expect(RetryAfter.parse("Wed, 21 Oct 2026 07:27:30 GMT", now: now) == .zero)
        #expect(RetryAfter.parse("99999999999999999999", now: now) == .seconds(Int(Int32.max)))
        #expect(RetryAfter.parse("1.5", now: now) == .milliseconds(1500))
        #expect(RetryAfter.parse("0.25", now: now) == .milliseconds(250))
        #expect(RetryAfter.parse("Wednesday, 21-Oct-26 07:28:30 GMT", now: now) == .seconds(30))
        #expect(RetryAfter.parse("Wed Oct 21 07:28:30 2026", now: now) == .seconds(30))
        for text in [
            "", "soon", "-1", "1.", ".5", "1.5.2", "1,5", "1e3", "+1", "21 Oct 2026", "Wed, 99 Oct 2026 07:28:30 GMT",
            "Wed, 21 Oct 2026 07:28:30 UTC",
        ] {
            #expect(RetryAfter.parse(text, now: now) == nil, "\(text)")
        }
    }
}
