import Foundation
import PodstackAPI
import PodstackTestSupport
import Synchronization

/// The Nu Html Checker, the reference validator for HTML.
///
/// All tests share one process, because it needs two seconds to start and ten milliseconds for a page.
enum HTMLValidator {
    /// Returns the errors and warnings about a page's HTML as the server sent it, each with its line.
    static func problems(in html: String) throws -> [String] {
        struct Message: Decodable {
            var type: String
            var subType: String?
            var lastLine: Int?
            var message: String
            var extract: String?
        }
        struct Report: Decodable { var messages: [Message] }
        let response = try RawHTTP(port: try shared(), silence: 180).request(
            "POST", "/?out=json",
            headers: [
                ("Content-Type", "text/html; charset=utf-8"),
                // The checker rejects requests without this header.
                ("User-Agent", "BrowserTests"),
            ], body: html)
        guard response.status == 200 else {
            throw BrowserFailure(description: "the HTML checker answered \(response.status)")
        }
        let messages = try APICoding.decode(Report.self, from: Array(response.body.utf8)).messages
        // The checker warns about explicit roles, which tables need because they are displayed as cards on a phone.
        let isKnown = /The “(rowgroup|row|columnheader|rowheader|cell)” role is unnecessary for element “t.+”\./
        return messages.filter {
            $0.type != "info" || $0.subType == "warning" && $0.message.wholeMatch(of: isKnown) == nil
        }.map { message in
            "line \(message.lastLine ?? 0): \(message.message) \(message.extract ?? "")"
        }
    }

    private static let current = Mutex<(process: ToolProcess, port: UInt16)?>(nil)

    /// The port of the shared process, which the first test starts.
    private static func shared() throws -> UInt16 {
        try current.withLock { checker in
            if let checker { return checker.port }
            let started = try start()
            checker = started
            // Static values are never released.
            atexit { HTMLValidator.current.withLock { $0 = nil } }
            return started.port
        }
    }

    private static func start() throws -> (process: ToolProcess, port: UInt16) {
        let jar = try PythonOracle.file("vnu.jar")
        var problem = ""
        // Another process may take the port before the checker does.
        for _ in 0..<5 {
            let port = try LoopbackListener.freePorts(1)[0]
            let process = try ToolProcess(
                attached: "java",
                [
                    "-Xmx256m", "-Xss8m", "-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1", "-XX:-UsePerfData",
                    "-Dnu.validator.servlet.bind-address=127.0.0.1", "-cp", jar, "nu.validator.servlet.Main",
                    String(port),
                ])
            var wait = BoundedWait(.seconds(120))
            while let pause = wait.next() {
                problem = process.standardError
                if (process.standardOutput + problem).contains("Checker service started") { return (process, port) }
                if problem.contains("BindException") { break }
                BoundedWait.sleep(pause)
            }
        }
        throw BrowserFailure(description: "the HTML checker does not start: \(problem.suffix(500))")
    }
}
