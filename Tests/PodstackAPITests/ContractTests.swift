import Foundation
import PodstackTestSupport
import Testing

@testable import PodstackAPI

@Suite("Contract")
struct ContractTests {
    @Test(
        "a scope covers what it says and nothing else",
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
        "what is not a scope is none",
        arguments: ["", ":", "tokens", "tokens:", "tokens:fly", "cats:read", "*:*", "* "])
    func notScopes(text: String) { #expect(Scope(text) == nil) }

    @Test("what lies too deep is refused before it costs anything, and a bracket in a string is none")
    func depth() throws {
        #expect(JSONDepth.of(Array(#"{"a":["[[[",{"b":"\\\"]"}]}"#.utf8)) == 3)
        let deep = String(repeating: #"{"a":"#, count: 5000) + "1" + String(repeating: "}", count: 5000)
        let body = #"{"error":{"message":"m","details":\#(deep)}}"#
        #expect(throws: APICoding.TooDeep.self) { try APICoding.decode(ErrorBody.self, from: Array(body.utf8)) }
        #expect(Timestamp.parse("2026-11-25T00:00:00Z and more") == nil)
        #expect(Timestamp.parse("2026-11-25T00:00:00.5Z") != nil)
    }

    @Test("an error body is read in both of its shapes")
    func errorBodies() throws {
        let documented = try APICoding.decode(
            ErrorBody.self,
            from: Array(#"{"error":{"code":"not_found","message":"m","request_id":"r","details":{"limit":5}}}"#.utf8))
        #expect(documented.code == .notFound)
        #expect(documented.details["limit"]?.integerValue == 5)
        let short = try APICoding.decode(ErrorBody.self, from: Array(#"{"error":"text"}"#.utf8))
        #expect(short.message == "text")
    }

    @Test("times are whole seconds with Z, and fractions are understood")
    func times() throws {
        let date = try #require(Timestamp.parse("2026-11-23T21:00:00Z"))
        #expect(Timestamp.format(date) == "2026-11-23T21:00:00Z")
        #expect(Timestamp.parse("2026-11-23T21:00:00.500Z") != nil)
        #expect(Timestamp.parse("yesterday") == nil)
        #expect(Timestamp.parse("2026-13-01T00:00:00Z") == nil)
        #expect(Timestamp.parse("2026-11-23T2x:00:00Z") == nil)
    }

    @Test("times from 1583 to 9999 are read as they were written")
    func timesOfTheCalendar() throws {
        var generator = TestSeed.generator()
        for _ in 0..<20_000 {
            let date = Date(timeIntervalSince1970: Double(Int64.random(in: -12_212_553_600..<253_402_300_800, using: &generator)))
            let text = Timestamp.format(date)
            #expect(Timestamp.parse(text) == date, "\(text)")
        }
    }

    @Test("equal values are equal bytes")
    func deterministicEncoding() throws {
        let body = ErrorBody(code: .invalidToken, message: "m", requestID: "r", details: ["a": 1, "b": 2, "c": 3])
        let first = try APICoding.encode(body)
        for _ in 0..<20 { #expect(try APICoding.encode(body) == first) }
    }
}
