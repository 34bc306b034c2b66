import Foundation
import PodstackTestSupport
import Testing

@testable import PodstackAPI

@Suite("The values of the API", .timeLimit(.minutes(2)))
struct ContractTests {
    @Test(
        "a scope covers only what it names",
        arguments: [
            ("*", "tokens:read", true), ("tokens:*", "tokens:read", true), ("tokens:read", "tokens:read", true),
            ("tokens:read", "tokens:create", false), ("tokens:*", "projects:read", false), ("tokens:*", "*", false),
            ("tokens:read", "tokens:*", false),
        ])
    func scopes(held: String, wanted: String, covers: Bool) throws {
        let held = try #require(Scope(held))
        #expect(held.covers(try #require(Scope(wanted))) == covers)
    }

    @Test(
        "an invalid scope is rejected",
        arguments: ["", ":", "tokens", "tokens:", "tokens:fly", "cats:read", "*:*", "* "])
    func notScopes(text: String) { #expect(Scope(text) == nil) }

    @Test("JSON that is nested too deeply is rejected early, and a bracket in a string does not count")
    func depth() throws {
        #expect(APICoding.nestingDepth(of: Array(#"{"a":["[[[",{"b":"\\\"]"}]}"#.utf8)) == 3)
        let deep = String(repeating: #"{"a":"#, count: 5000) + "1" + String(repeating: "}", count: 5000)
        let body = #"{"error":{"message":"m","details":\#(deep)}}"#
        #expect(throws: APICoding.NestedTooDeeply.self) { try APICoding.decode(ErrorBody.self, from: Array(body.utf8)) }
        #expect(Timestamp.parse("2026-11-25T00:00:00Z and more") == nil)
        #expect(Timestamp.parse("2026-11-25T00:00:00.5Z") != nil)
    }

    @Test("an error body is decoded in both of its forms")
    func errorBodies() throws {
        let documented = try APICoding.decode(
            ErrorBody.self,
            from: Array(#"{"error":{"code":"not_found","message":"m","request_id":"r","details":{"limit":5}}}"#.utf8))
        #expect(documented.code == .notFound)
        #expect(documented.details["limit"]?.integerValue == 5)
        let short = try APICoding.decode(ErrorBody.self, from: Array(#"{"error":"text"}"#.utf8))
        #expect(short.message == "text")
    }

    @Test("times are whole seconds with Z, and fractions are accepted")
    func times() throws {
        let date = try #require(Timestamp.parse("2026-11-23T21:00:00Z"))
        #expect(Timestamp.format(date) == "2026-11-23T21:00:00Z")
        #expect(Timestamp.parse("2026-11-23T21:00:00.500Z") != nil)
        #expect(Timestamp.parse("yesterday") == nil)
        #expect(Timestamp.parse("2026-13-01T00:00:00Z") == nil)
        #expect(Timestamp.parse("2026-11-23T2x:00:00Z") == nil)
    }

    @Test("times from 1583 to 9999 are parsed as they were formatted")
    func timesOfTheCalendar() throws {
        var generator = TestSeed.generator()
        for _ in 0..<20_000 {
            let seconds = Int64.random(in: -12_212_553_600..<253_402_300_800, using: &generator)
            let date = Date(timeIntervalSince1970: Double(seconds))
            let text = Timestamp.format(date)
            #expect(Timestamp.parse(text) == date, "\(text)")
        }
    }

    @Test("an HTTP date is parsed, and a date that does not exist is rejected")
    func httpDates() {
        #expect(Timestamp.parseHTTPDate("Wed, 21 Oct 2026 07:28:00 GMT") == Timestamp.parse("2026-10-21T07:28:00Z"))
        #expect(Timestamp.parseHTTPDate("Thu, 01 Jan 2026 00:00:59 GMT") == Timestamp.parse("2026-01-01T00:00:59Z"))
        // The examples of RFC 9110, section 5.6.7.
        let example = Timestamp.parse("1994-11-06T08:49:37Z")
        for text in ["Sun, 06 Nov 1994 08:49:37 GMT", "Sunday, 06-Nov-94 08:49:37 GMT", "Sun Nov  6 08:49:37 1994"] {
            #expect(Timestamp.parseHTTPDate(text) == example, "\(text)")
        }
        #expect(Timestamp.parseHTTPDate("Wed Nov 16 08:49:37 1994") == Timestamp.parse("1994-11-16T08:49:37Z"))
        #expect(Timestamp.parseHTTPDate("Sat, 31 Dec 2016 23:59:60 GMT") == Timestamp.parse("2016-12-31T23:59:59Z"))
        for (year, now, expected) in [("26", 2026, 2026), ("75", 2026, 2075), ("77", 2026, 1977), ("01", 2099, 2101)] {
            let now = Timestamp.parse("\(now)-07-01T00:00:00Z") ?? Date()
            let date = Timestamp.parseHTTPDate("Friday, 02-Jan-\(year) 00:00:00 GMT", now: now)
            #expect(date == Timestamp.parse("\(expected)-01-02T00:00:00Z"), "\(year)")
        }
        for text in [
            "Wed, 31 Feb 2026 07:28:00 GMT", "Wed, 21 Okt 2026 07:28:00 GMT", "Wed, 21 Oct 2026 07:28:00 UTC",
            "Wednesday, 21-Oct-2026 07:28:00 GMT", "Wednesday, 31-Feb-26 07:28:00 GMT", "Wed Oct 21 07:28:00 26",
            "Wed Oct 32 07:28:00 2026", "Wed Oct 21 07:28 2026", "Wednesday, 21-Oct-26 07:28:00 UTC", "a b c d",
            "- - - -",
            "Wed, 21 Oct 2026 24:28:00 GMT", "21 Oct 2026 07:28:00 GMT", "Wed, 1 Oct 2026 07:28:00 GMT", "",
        ] {
            #expect(Timestamp.parseHTTPDate(text) == nil, "\(text)")
        }
    }

    @Test("equal values are equal bytes")
    func deterministicEncoding() throws {
        let body = ErrorBody(code: .invalidToken, message: "m", requestID: "r", details: ["a": 1, "b": 2, "c": 3])
        let first = try APICoding.encode(body)
        for _ in 0..<20 { #expect(try APICoding.encode(body) == first) }
    }
}
