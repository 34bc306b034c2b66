import Foundation
import Podstack
import PodstackTestSupport
import Testing

/// Runs the real program on a terminal.
@Suite("podstack on a terminal", .blocking, .timeLimit(.minutes(5)))
struct TerminalOutputTests: ServerSuite {
    let session: ServerSession

    init() throws { session = try ServerSession(hasToken: true) }

    /// Returns what the terminal receives from a command line.
    func run(_ words: String, _ environment: [String: String] = [:]) throws -> (status: Int32, output: String) {
        var all = console.environment.merging(["TERM": "xterm", "PATH": "/usr/bin:/bin", "PODSTACK_PAGER": "cat"]) {
            $1
        }
        all.merge(environment) { $1 }
        let settings = all.map { "\($0.key)='\($0.value)'" }.joined(separator: " ")
        let program = try ToolProcess.path(of: "podstack")
        let process = try ToolProcess(
            installed: "script", ["-qefc", "env -i \(settings) '\(program)' \(words)", "/dev/null"])
        let status = process.wait()
        return (status, process.standardOutput.replacing("\r\n", with: "\n"))
    }

    @Test("tables have relative times and colors, JSON is readable, and -o wide has exact times")
    func tables() throws {
        let list = try run("token list")
        #expect(list.status == 0)
        #expect(list.output.contains("\u{1B}[1mID"), "\(list.output)")
        #expect(list.output.contains("\u{1B}[32mactive\u{1B}[0m"))
        #expect(list.output.contains("in 30 days") || list.output.contains("in 90 days"), "\(list.output)")
        let wide = try run("token list -o wide")
        #expect(wide.output.contains(/20\d\d-\d\d-\d\dT/))
        #expect(!wide.output.contains("in 30 days"))
        #expect(try run("auth whoami -o json", ["NO_COLOR": "1"]).output.contains("\n  \"email\": \"you@example.com\""))
    }

    @Test("nothing is styled under NO_COLOR, TERM=dumb or --no-color, and an empty NO_COLOR is not set")
    func plain() throws {
        for (words, environment) in [
            ("token list", ["NO_COLOR": "1"]), ("token list", ["TERM": "dumb"]), ("token list --no-color", [:]),
            ("token get nothing", ["NO_COLOR": "1"]), ("token get nothing", ["TERM": "dumb"]),
            ("token get nothing --no-color", [:]), ("auth whoami -o json", ["NO_COLOR": "1"]),
        ] as [(String, [String: String])] {
            let output = try run(words, environment).output
            #expect(!output.contains("\u{1B}"), "\(words) \(environment): \(output)")
        }
        #expect(try run("token list", ["NO_COLOR": ""]).output.contains("\u{1B}[1m"))
        #expect(try run("token get nothing").output.contains("\u{1B}[1;31merror:\u{1B}[0m"))
    }

    @Test("a list goes to the pager, and the token does not reach its environment")
    func pager() throws {
        let folder = try TemporaryDirectory()
        _ = try folder.writeProgram("env >'\(folder.file("environment"))'; cat >'\(folder.file("paged"))'", to: "page")
        let list = try run("token list", ["PODSTACK_PAGER": folder.file("page")])
        #expect(list.status == 0)
        #expect(list.output.isEmpty)
        #expect(folder.read("paged")?.contains("NAME") == true)
        let environment = try #require(folder.read("environment"))
        #expect(environment.contains("LESS=FRX\n"))
        #expect(!environment.contains("PODSTACK_API_TOKEN"))
        // PAGER is used when PODSTACK_PAGER is not set, which includes empty.
        let second = try run("project list", ["PODSTACK_PAGER": "", "PAGER": "tr A-Z a-z"])
        #expect(second.output.contains("name"), "\(second.output)")
        #expect(!second.output.contains("NAME"))
        // Nothing but a list is paged.
        #expect(try run("auth whoami", ["PODSTACK_PAGER": folder.file("page")]).output == "you@example.com\n")
    }

    @Test("a pager that is left early or not installed is not an error")
    func pagerThatEnds() throws {
        for pager in ["head -c 1", "true", "/nowhere/less", "no-such-pager"] {
            let list = try run("audit list", ["PODSTACK_PAGER": pager])
            #expect(list.status == 0, "\(pager): \(list.output)")
            #expect(!list.output.contains("error"), "\(pager): \(list.output)")
        }
        #expect(try run("audit list", ["PODSTACK_PAGER": "no-such-pager"]).output.contains("ACTION"))
        // less ends by itself when the text fits on the screen.
        let short = try run("project list", ["PODSTACK_PAGER": "less"])
        #expect(short.status == 0)
        #expect(short.output.contains("NAME"))
    }

    @Test("an error after the pager has its status")
    func failure() throws {
        let outcome = try run("project list", ["PODSTACK_API_TOKEN": TestToken.generate(id: "00000000")])
        #expect(outcome.status == 3)
        #expect(outcome.output.contains("Invalid API token"))
    }
}
