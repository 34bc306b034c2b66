import Foundation
import PodstackTestSupport
import Testing

@testable import PodstackServer

@Suite("The log of requests", .blocking, .databases, .timeLimit(.perTest))
struct RequestLogTests {
    private func lines(_ server: RunningServer, _ event: String = "request") throws -> [[String: Any]] {
        try server.log.split(separator: "\n")
            .map { try #require(try JSONSerialization.jsonObject(with: Data($0.utf8)) as? [String: Any]) }
            .filter { $0["event"] as? String == event }
    }

    @Test("a line has numbers as numbers, the route, the user and the token", arguments: TestDatabase.selected)
    func fields(_: TestDatabase) throws {
        let session = try TestClient()
        let token = try session.createToken()
        #expect(try session.send("DELETE", "/v1/tokens/\(token.id)").status == 204)
        let line = try #require(try lines(session.server).last)
        #expect(line["route"] as? String == "/v1/tokens/{id}" && line["path"] as? String == "/v1/tokens/\(token.id)")
        #expect(line["method"] as? String == "DELETE" && line["level"] as? String == "info")
        #expect(line["status"] as? Int == 204 && line["response_bytes"] as? Int == 0)
        #expect(try #require(line["duration_ms"] as? Double) > 0)
        #expect((line["user"] as? String)?.hasPrefix("usr_") == true)
        #expect(line["token"] as? String == "podstack_\(session.id)")
        #expect((line["request_id"] as? String)?.hasPrefix("req_") == true)
        // The raw text, because a decoder might turn a string into a number.
        #expect(session.server.log.contains(#""status":204,"#))
    }

    @Test(
        "a path that belongs to no route is not logged, and a signed-in user is", arguments: TestDatabase.selected)
    func pages(_: TestDatabase) throws {
        let browser = try TestClient(signedUpAt: try RunningServer())
        let server = browser.server
        #expect(try browser.request("POST", "/v1/hunter2/x").status == 404)
        let unknown = try #require(try lines(server).last)
        #expect(unknown["route"] as? String == "unknown" && unknown["path"] == nil)
        #expect(unknown["code"] as? String == "not_found" && unknown["status"] as? Int == 404)
        #expect(!server.log.contains("hunter2"))
        try browser.get("/projects")
        _ = try browser.post("/projects", ["name": "p", "description": ""])
        let page = try #require(try lines(server).last)
        #expect(page["route"] as? String == "/projects" && page["user"] as? String != nil, "\(page)")
        #expect(page["token"] == nil)
        // The failure of a signed-in user.
        _ = try browser.post("/projects/unknown/delete")
        let failed = try #require(try lines(server).last)
        #expect(failed["route"] as? String == "/projects/{project}/delete" && failed["user"] as? String != nil)
        #expect(failed["status"] as? Int == 404)
    }

    @Test("anonymous requests cause few lines, and the rest are summed up", arguments: TestDatabase.selected)
    func rate(_: TestDatabase) throws {
        let server = try RunningServer()
        let client = TestClient(server)
        for _ in 0..<300 { #expect(try client.request("POST", "/v1/projects", body: "{}").status == 401) }
        let logged = try lines(server).count
        // At most ten lines in each of the seconds that this took.
        #expect(logged >= 10 && logged < 150, "\(logged)")
        let log = server.server.service.log
        var summed = 0
        var wait = BoundedWait(.seconds(10))
        while summed + logged < 300, let pause = wait.next() {
            BoundedWait.sleep(pause)
            log.writeSums()
            summed = try lines(server, "similar_lines_not_logged").compactMap { $0["lines"] as? Int }.reduce(0, +)
        }
        #expect(summed + logged == 300)
        #expect(try lines(server, "similar_lines_not_logged").allSatisfy { $0["source"] as? String == "127.0.0.1" })
    }

    @Test("changes of a user are all logged", arguments: TestDatabase.selected)
    func changes(_: TestDatabase) throws {
        let session = try TestClient()
        for _ in 0..<50 { #expect(try session.send("POST", "/v1/tokens/self/rotate", "{").status == 400) }
        for number in 0..<50 {
            #expect(try session.send("PATCH", "/v1/tokens/\(session.id)", "{\"name\":\"\(number)\"}").status == 200)
        }
        let lines = try lines(session.server)
        #expect(lines.count { $0["status"] as? Int == 200 } == 50)
        #expect(lines.count { $0["status"] as? Int == 400 } < 50)
    }

    @Test("a text that a client chooses cannot make a line long", arguments: TestDatabase.selected)
    func length(_: TestDatabase) throws {
        let server = try RunningServer()
        let client = TestClient(server)
        let path = "/v1/tokens/" + String(repeating: "%00%E2%80%AE", count: 300)
        _ = try client.request(
            String(repeating: "M", count: 900), path,
            headers: [("User-Agent", "e" + String(repeating: "\u{301}", count: 5000))])
        for line in server.log.split(separator: "\n") { #expect(line.utf8.count < Log.maxLineBytes) }
    }
}

@Suite("The log of a process", .blocking, .timeLimit(.minutes(3)))
struct LogProcessTests {
    /// A pipe whose reader does not read.
    private final class StalledPipe {
        let path: String
        private let descriptor: Int32

        init(in folder: TemporaryDirectory) throws {
            path = folder.file("log")
            try #require(mkfifo(path, 0o600) == 0)
            descriptor = open(path, O_RDWR | O_NONBLOCK | O_CLOEXEC)
            try #require(descriptor >= 0)
            // F_SETPIPE_SZ: the smallest pipe.
            try #require(fcntl(descriptor, 1031, 4096) >= 0)
        }

        deinit { close(descriptor) }

        func read() -> String {
            var bytes = [UInt8](repeating: 0, count: 1 << 16)
            let count = Glibc.read(descriptor, &bytes, bytes.count)
            return String(decoding: bytes.prefix(max(0, count)), as: UTF8.self)
        }
    }

    @Test("while nothing reads the log, requests are served, the process ends, and dropped lines are counted")
    func stalled() throws {
        let folder = try TemporaryDirectory()
        let data = folder.file("data")
        let pipe = try StalledPipe(in: folder)
        #expect(try ToolProcess.run("podstack-server", ["user", "add", "you@example.com", "--data", data]).status == 0)
        let created = try ToolProcess.run(
            "podstack-server", ["token", "create", "you@example.com", "--name", "t", "--data", data])
        let token = String(created.output.dropLast())
        let process = try ToolProcess(
            "/bin/sh",
            [
                "-c", "exec \"$@\" 2>\"$0\"", pipe.path, ToolProcess.path(of: "podstack-server"), "serve", "--listen",
                "127.0.0.1:0", "--data", data,
            ])
        defer { process.signal(SIGKILL) }
        try process.waitForOutput { $0.contains("\n") }
        let port = try #require(UInt16(process.standardOutput.prefix { $0 != "\n" }.split(separator: ":").last ?? ""))
        let client = TestClient(port: port, token, keepsConnection: true)
        func dropped() throws -> Int {
            let name = "podstack_log_lines_dropped_total "
            let line = try client.get("/metrics").body.split(separator: "\n").first { $0.hasPrefix(name) }
            return try #require(Int(line?.dropFirst(name.count) ?? ""))
        }
        let path = "/v1/tokens/\(token.dropFirst(9).prefix(8))"
        var longest = Duration.zero
        let clock = ContinuousClock()
        // The pipe, and the buffer of 1 MiB.
        var sent = 0
        while try sent % 500 != 0 || dropped() == 0 {
            try #require(sent < 20_000)
            sent += 1
            let start = clock.now
            #expect(try client.send("PATCH", path, #"{"name":"t"}"#).status == 200)
            longest = max(longest, clock.now - start)
        }
        #expect(longest < .seconds(5))
        let start = clock.now
        #expect(try client.get("/healthz").status == 200)
        #expect(try client.get("/v1/auth/whoami").status == 200)
        #expect(try client.send("POST", "/v1/tokens", #"{"name":"new"}"#).status == 201)
        #expect(clock.now - start < .seconds(5))
        let count = try dropped()
        // The reader continues.
        var log = ""
        var wait = BoundedWait(.seconds(30))
        while !log.contains("log_lines_dropped"), let pause = wait.next() {
            for _ in 0..<1000 {
                let more = pipe.read()
                if more.isEmpty { break }
                log += more
            }
            BoundedWait.sleep(min(pause, .milliseconds(5)))
        }
        let report = try #require(log.split(separator: "\n").first { $0.contains("log_lines_dropped") })
        #expect(report.contains("\"lines\":\(count)}"), "\(report) \(count)")
        // It stalls again, and the process ends all the same.
        for _ in 0..<100 { _ = try client.send("PATCH", path, #"{"name":"t"}"#) }
        let end = clock.now
        process.signal(SIGTERM)
        #expect(process.wait() == 0)
        #expect(clock.now - end < .seconds(20))
    }

    @Test("an error at the start of serve is one JSON line; other commands and wrong usage print a sentence")
    func fatal() throws {
        let folder = try TemporaryDirectory()
        let file = folder.file("file")
        try Data().write(to: URL(filePath: file))
        let failed = try ToolProcess.run(
            "podstack-server", ["serve", "--data", file + "/x", "--listen", "127.0.0.1:0"])
        #expect(failed.status == 1)
        let line = try #require(
            try JSONSerialization.jsonObject(with: Data(failed.error.utf8)) as? [String: String])
        #expect(line["level"] == "fatal" && line["event"] == "serve_failed" && line["time"] != nil)
        #expect(line["reason"]?.contains("cannot create") == true)
        #expect(failed.error.split(separator: "\n").count == 1)
        let taken = try ToolProcess.run("podstack-server", ["serve", "--data", folder.file("d"), "--listen", "x"])
        #expect(taken.status == 2 && taken.error.hasPrefix("error: "))
        let command = try ToolProcess.run("podstack-server", ["user", "list", "--data", file + "/x"])
        #expect(command.status == 1 && command.error.hasPrefix("error: "))
    }
}
