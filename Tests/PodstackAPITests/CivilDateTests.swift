import Foundation
import PodstackTestSupport
import Testing

@testable import PodstackAPI

@Suite("Dates of the calendar", .blocking, .timeLimit(.minutes(5)))
struct CivilDateTests {
    /// The calendar repeats after 400 years.
    @Test("every day of 400 years follows the day before, and is parsed as it was formatted")
    func everyDay() throws {
        let first = try #require(CivilDate(year: 1999, month: 12, day: 31))
        let last = try #require(CivilDate(year: 2400, month: 1, day: 1))
        var previous = CivilDate(daysSince1970: first.daysSince1970 - 1)
        #expect(previous.description == "1999-12-30")
        var wrong: [String] = []
        for days in first.daysSince1970...last.daysSince1970 {
            let date = CivilDate(daysSince1970: days)
            let isNextDay =
                (date.year, date.month, date.day) == (previous.year, previous.month, previous.day + 1)
                || (date.year, date.month, date.day) == (previous.year, previous.month + 1, 1)
                || (date.year, date.month, date.day) == (previous.year + 1, 1, 1) && previous.month == 12
            if !isNextDay || date.daysSince1970 != days || CivilDate(date.description) != date {
                wrong.append(date.description)
            }
            previous = date
        }
        #expect(wrong.isEmpty)
        #expect(previous == last)
    }

    @Test("random days from year 0 to 9999 are 400 years before the day that is 146,097 days later")
    func cycles() throws {
        let seed = UInt64.random(in: 0...UInt64.max)
        var generator = SeededGenerator(seed: seed)
        let first = try #require(CivilDate(year: 0, month: 1, day: 1)).daysSince1970
        let last = try #require(CivilDate(year: 9599, month: 12, day: 31)).daysSince1970
        for _ in 0..<5_000 {
            let days = Int.random(in: first...last, using: &generator)
            let (date, later) = (CivilDate(daysSince1970: days), CivilDate(daysSince1970: days + 146_097))
            #expect((date.month, date.day) == (later.month, later.day), "seed \(seed): \(date)")
            #expect(later.year == date.year + 400, "seed \(seed): \(date)")
            #expect(date.daysSince1970 == days && CivilDate(date.description) == date, "seed \(seed): \(date)")
        }
    }

    @Test("days since 1970 agree with Foundation's calendar")
    func foundation() throws {
        #expect(CivilDate(daysSince1970: 0).description == "1970-01-01")
        for text in ["1583-01-01", "1900-02-28", "2000-02-29", "2026-11-28", "2100-03-01", "9999-12-31"] {
            let date = try #require(CivilDate(text))
            let expected = try Date(text + "T00:00:00Z", strategy: .iso8601).timeIntervalSince1970
            #expect(date.secondsSince1970 == Int64(expected), "\(text)")
        }
    }

    @Test(
        "a date that does not exist, or has another form, is rejected",
        arguments: [
            "2026-02-29", "2100-02-29", "2026-04-31", "2026-00-10", "2026-13-01", "2026-01-00", "2026-1-1",
            "2026-01-01 ", "+026-01-01", "2026/01/01", "20260101", "", "２０２６-01-01",
        ])
    func invalid(text: String) { #expect(CivilDate(text) == nil) }
}
