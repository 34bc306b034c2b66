import PodstackAPI
import Testing

@testable import PodstackServer

@Suite("Charts and numbers of the dashboard", .timeLimit(.perTest))
struct ChartTests {
    @Test("the top of a chart is a round number that is not below its values")
    func roundTop() {
        for (value, top) in [(0.0, 1.0), (1, 1), (1.1, 2), (3, 5), (7, 10), (10, 10), (0.03, 0.05), (1234, 2000)] {
            #expect(abs(BarChart.roundTop(value) - top) < top / 1e6, "\(value)")
        }
    }

    @Test("amounts have two decimals, unless that would hide them")
    func amounts() {
        for (millionths, text) in [
            (0, "0.00"), (1_234_567, "1.23"), (1_235_000, "1.24"), (-1_234_567, "-1.23"), (5_432, "0.0054"),
            (42, "0.000042"),
            (10_000, "0.01"),
        ] as [(Int64, String)] {
            #expect(Amount(millionths: millionths).displayText == text)
        }
        #expect(DurationWords.text(seconds: 9000) == "2 h 30 min")
        #expect(DurationWords.text(seconds: 86_405) == "1 d")
        #expect(DurationWords.text(seconds: 0) == "0 s")
    }

    private func text(_ piece: some HTML) -> String {
        var output = HTMLOutput()
        piece.write(to: &output)
        return String(decoding: output.bytes, as: UTF8.self)
    }

    @Test("a chart is an image with a label, and escapes its texts")
    func chart() {
        let values = ["<a>", "b", "c"].enumerated().map {
            ChartValue(name: $0.element, value: Double($0.offset), text: "\($0.offset)")
        }
        let chart = text(BarChart("Spend \"a\"", values) { String($0) })
        #expect(chart.contains("role=\"img\" aria-label=\"Spend &quot;a&quot;\""))
        #expect(chart.contains("<title>&lt;a&gt;: 0</title>"))
        #expect(chart.contains("height=\"160\"><title>c: 2</title>"))
        #expect(text(BarChart("none", []) { String($0) }).contains("aria-label=\"none\""))
        #expect(text(Sparkline([1, 3], top: 2)).contains("points=\"0,32 240,0\""))
        #expect(text(Sparkline([], top: 0)).contains("points=\"\""))
    }

    @Test("only a host with a port becomes a link to a pod")
    func addresses() {
        #expect(PortAddress("127.0.0.1:48080")?.text == "http://127.0.0.1:48080")
        #expect(PortAddress("gpu-17.example.com:1")?.text == "http://gpu-17.example.com:1")
        #expect(PortAddress("[2001:db8::1]:80")?.text == "http://[2001:db8::1]:80")
        let wrongs = [
            "", "host", ":80", "host:0", "host:70000", "a/b:80", "javascript:1//:1", "u@h:80", "[x]:80", "a b:1",
        ]
        for wrong in wrongs {
            #expect(PortAddress(wrong) == nil, "\(wrong)")
        }
    }

    @Test("output is split into lines without terminal sequences, and lines that were shown are skipped")
    func log() {
        var reader = PodLogReader(after: "2026-11-28T17:44:05.000000001Z")
        func receive(_ text: String, _ stream: EngineStream = .output) -> [PodLogLine] {
            Array(text.utf8).withUnsafeBytes { reader.receive(stream, $0) }
        }
        #expect(receive("2026-11-28T17:44:05.000000001Z old\n2026-11-28T17:44:05.0000") == [])
        #expect(receive("an error\r\n", .error) == [PodLogLine(time: "", text: "an error")])
        #expect(
            receive("00002Z 10%\r\u{1B}[1;32m20%\u{1B}[0m\n\n")
                == [
                    PodLogLine(time: "2026-11-28T17:44:05.000000002Z", text: "20%"), PodLogLine(time: "", text: ""),
                ])
        #expect(receive("\u{1B}]0;title\u{07}end") == [])
        let rest = reader.finish()
        #expect(rest == [PodLogLine(time: "", text: "end")])
        let messages = PodLogReader.messages(rest + [PodLogLine(time: "2026", text: "a\rb")])
        #expect(messages == "data: end\n\nid: 2026\ndata: ab\n\n")
        let long = receive(String(repeating: "x", count: 100_000) + "\n")
        #expect(long.count == 1 && long[0].text.utf8.count < 5000)
    }
}
