import Foundation
import PodstackTestSupport
import Testing

@testable import PodstackAPI

@Suite("JSON of requests", .timeLimit(.perTest))
struct StrictJSONTests {
    func value(_ text: String) throws -> JSONValue { try StrictJSON.value(of: Array(text.utf8)) }

    @Test("every kind of value is read")
    func values() throws {
        #expect(
            try value(#" {"a": [1, -2, 0.5, 1e2, true, false, null, "x"], "b": {}, "c": []} "#)
                == .object([
                    "a": .array([
                        .integer(1), .integer(-2), .number(0.5), .number(100), .bool(true), .bool(false), .null,
                        .string("x"),
                    ]), "b": .object([:]), "c": .array([]),
                ]))
        #expect(try value(#""\"\\\/\b\f\n\r\tä\u00e4\uD83D\ude00""#) == .string("\"\\/\u{8}\u{C}\n\r\tää😀"))
        #expect(try value("9223372036854775807") == .integer(.max))
        #expect(try value("-9223372036854775808") == .integer(.min))
    }

    @Test(
        "a key that an object has twice is named with its path, however it is spelled",
        arguments: [
            (#"{"a": 1, "a": 1}"#, "a"), (#"{"a": 1, "b": 2, "\u0061": 3}"#, "a"), (#"{"x": {"a": 1, "a": 2}}"#, "x.a"),
            (#"{"x": [{}, {"y": {"a": null, "a": null}}]}"#, "x.y.a"), (#"{"é": 1, "e\u0301": 2}"#, "e\u{301}"),
            (#"[{"a": 1, "a": 2}]"#, "a"), (#"{"": 1, "": 2}"#, ""),
        ])
    func repeated(text: String, path: String) {
        #expect(throws: StrictJSON.Problem.repeatedKey(path: path)) { try value(text) }
    }

    @Test("a number with a fraction or an exponent, and -0, is not an integer")
    func integers() throws {
        for text in ["1.0", "1e0", "10E-1", "-0", "-0.0", "0.0", "9223372036854775808"] {
            #expect(try value(text).integerValue == nil, "\(text)")
            #expect(try value(text).doubleValue != nil, "\(text)")
        }
        #expect(try value("0").integerValue == 0)
    }

    @Test("a number that is too large is rejected with its field")
    func infinite() {
        #expect(throws: StrictJSON.Problem.unrepresentableNumber(path: "a.b")) { try value(#"{"a":{"b":1e400}}"#) }
        #expect(throws: StrictJSON.Problem.unrepresentableNumber(path: "")) { try value("[-1e400]") }
    }

    @Test(
        "text that is not JSON is rejected",
        arguments: [
            "", " ", "{", "}", "{]", "[1,]", #"{"a":1,}"#, #"{"a"}"#, "{a:1}", "'a'", "01", "+1", "1.", ".5", "1e", "-",
            "0x1", "NaN", "Infinity", "tru", "truex", "nul", "1 2", "\"\u{1}\"", #""\x""#, #""\u12""#, #""\ud800""#,
            #""\udc00""#, #""\ud800\u0041""#, "\"", #""\"#, "\u{FEFF}{}", "[1 2]", "//x\n1", #"{"a":1 "b":2}"#,
        ])
    func malformed(text: String) {
        #expect(throws: StrictJSON.Problem.malformed) { try value(text) }
    }

    @Test("invalid UTF-8 and other encodings are rejected")
    func encodings() throws {
        for bytes: [UInt8] in [[0x22, 0xFF, 0x22], [0x22, 0xC0, 0x80, 0x22], [0x22, 0xED, 0xA0, 0x80, 0x22]] {
            #expect(throws: StrictJSON.Problem.malformed) { try StrictJSON.value(of: bytes) }
        }
        let wide = try #require("{}".data(using: .utf16))
        #expect(throws: StrictJSON.Problem.malformed) { try StrictJSON.value(of: Array(wide)) }
    }

    @Test("nesting is bounded")
    func depth() throws {
        func nested(_ depth: Int) -> String {
            String(repeating: "[", count: depth) + String(repeating: "]", count: depth)
        }
        _ = try value(nested(StrictJSON.deepestNesting))
        for depth in [StrictJSON.deepestNesting + 1, 30_000] {
            #expect(throws: StrictJSON.Problem.malformed) { try value(nested(depth)) }
        }
    }

    @Test("whatever is accepted, Foundation's decoder reads alike")
    func foundation() throws {
        var generator = TestSeed.generator()
        let pieces = [
            "{", "}", "[", "]", ",", ":", "\"a\"", "\"b\\u0041\"", "1", "-2", "0.5", "1e3", "true", "null", " ", "\"\"",
        ]
        var accepted = 0
        for _ in 0..<30_000 {
            let count = Int.random(in: 1...9, using: &generator)
            let text = (0..<count).map { _ in pieces.randomElement(using: &generator) ?? "" }.joined()
            guard let value = try? value(text) else { continue }
            accepted += 1
            let other = try? JSONDecoder().decode(JSONValue.self, from: Data(text.utf8))
            #expect(other.map(comparable) == comparable(value), "\(text)")
        }
        #expect(accepted > 100)
    }

    /// Returns a value in which numbers are compared by their value.
    func comparable(_ value: JSONValue) -> JSONValue {
        switch value {
        case .integer(let number): .number(Double(number))
        case .array(let values): .array(values.map(comparable))
        case .object(let fields): .object(fields.mapValues(comparable))
        default: value
        }
    }
}

@Suite("Times", .timeLimit(.perTest))
struct TimestampTests {
    @Test(
        "a time that does not exist, or has another form, is rejected",
        arguments: [
            "2027-02-30T00:00:00Z", "2027-02-29T12:00:00+01:00", "2027-04-31T00:00:00.5Z", "2027-13-01T00:00:00Z",
            "2027-00-01T00:00:00Z", "2027-01-00T00:00:00Z", "2027-01-32T00:00:00Z", "2027-01-31T24:00:00Z",
            "2027-01-31T25:00:00+02:00", "2027-01-31T12:60:00Z", "2027-01-31T12:00:60Z", "2026-12-31T23:59:60Z",
            "2027-01-31T12:00:61.5Z", "2027-01-31T12:00:00", "2027-01-31T12:00Z", "2027-01-31", "20270131T120000Z",
            "2027-01-31T12:00:00+24:00", "2027-01-31T12:00:00+01:60", "2027-01-31T12:00:00+1", "2027-01-31T12:00:00.Z",
            "2027-01-31T12:00:00,5Z", "2027-01-31 12:00:00Z", "2027-01-31T12:00:00Z ", " 2027-01-31T12:00:00Z",
            "2027-1-31T12:00:00Z", "+2027-01-31T12:00:00Z", "２０２７-01-31T12:00:00Z", "2027-01-31T12:00:00ZZ",
            "2027-01-31T12:00:00.1234567890Z", "2027-02-30T00:00:00+00:00", "2100-02-29T00:00:00Z", "",
        ])
    func invalid(text: String) { #expect(Timestamp.parse(text) == nil) }

    @Test("an offset and a fraction are parsed")
    func offsets() {
        let noon = Timestamp.parse("2027-01-31T12:00:00Z")
        for text in [
            "2027-01-31T13:00:00+01:00", "2027-01-31T13:00:00+0100", "2027-01-31T13:00:00+01",
            "2027-02-01T01:30:00+13:30",
            "2027-01-31T06:30:00-05:30", "2027-01-31T12:00:00.000Z", "2027-01-31T12:00:00-00:00",
        ] {
            #expect(Timestamp.parse(text) == noon, "\(text)")
        }
        #expect(Timestamp.parse("2027-01-31T12:00:00.25Z") == noon?.addingTimeInterval(0.25))
        #expect(Timestamp.parse("2028-02-29T00:00:00Z") != nil)
    }

    @Test("every day from year 0 to 9999 is formatted as it is parsed, and agrees with Foundation after 1582")
    func days() throws {
        var generator = TestSeed.generator()
        for _ in 0..<5_000 {
            let seconds = Int64.random(in: -62_167_219_200..<253_402_300_800, using: &generator)
            let date = Date(timeIntervalSince1970: Double(seconds))
            let text = Timestamp.format(date)
            #expect(Timestamp.parse(text) == date, "\(text)")
            if seconds > -12_212_553_600 { #expect(text == date.formatted(.iso8601)) }
        }
        #expect(Timestamp.format(Date(timeIntervalSince1970: 0.75)) == "1970-01-01T00:00:00Z")
        #expect(Timestamp.format(Date(timeIntervalSince1970: -0.25)) == "1969-12-31T23:59:59Z")
    }
}
