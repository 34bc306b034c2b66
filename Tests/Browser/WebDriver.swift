import Foundation
import PodstackAPI
import PodstackTestSupport

/// A `chromedriver` with its Chromium, controlled with the W3C's WebDriver protocol until this value is released.
final class WebDriver {
    /// The folder with Chromium's files.
    let folder: String
    private let process: ToolProcess
    private let port: UInt16
    private let session: String

    /// Starts a session with the given capabilities.
    init(_ capabilities: JSONValue) throws {
        (process, port, folder) = try Self.start()
        let created: NewSession = try Self.call(
            port, "POST", "/session", ["capabilities": ["alwaysMatch": capabilities]])
        session = created.sessionId
    }

    deinit {
        // Lets Chromium exit before its processes are killed.
        let _: JSONValue? = try? Self.call(port, "DELETE", "/session/\(session)", nil)
    }

    private struct NewSession: Decodable { var sessionId: String }

    func get<Value: Decodable>(_ path: String, as: Value.Type = Value.self) throws -> Value {
        try Self.call(port, "GET", "/session/\(session)\(path)", nil)
    }

    @discardableResult
    func post<Value: Decodable>(_ path: String, _ body: JSONValue = [:], as: Value.Type = JSONValue.self) throws
        -> Value
    {
        try Self.call(port, "POST", "/session/\(session)\(path)", body)
    }

    @discardableResult
    func delete(_ path: String) throws -> JSONValue {
        try Self.call(port, "DELETE", "/session/\(session)\(path)", nil)
    }

    private struct DriverResponse<Value: Decodable>: Decodable { var value: Value }

    private struct Problem: Decodable {
        var error: String
        var message: String
    }

    private static func call<Value: Decodable>(
        _ port: UInt16, _ method: String, _ path: String, _ body: JSONValue?
    ) throws -> Value {
        // A long limit, because Chromium starts slowly on a busy machine.
        let connection = try RawHTTP(port: port, silence: 180)
        let text = try body.map { String(decoding: try APICoding.encode($0), as: UTF8.self) }
        let response = try connection.request(
            method, path, headers: [("Content-Type", "application/json; charset=utf-8"), ("Connection", "close")],
            body: text)
        let bytes = Array(response.body.utf8)
        if response.status == 200 { return try APICoding.decode(DriverResponse<Value>.self, from: bytes).value }
        guard let problem = try? APICoding.decode(DriverResponse<Problem>.self, from: bytes).value else {
            throw BrowserFailure(description: "chromedriver answered \(response.status) to \(method) \(path)")
        }
        // The other lines contain Chromium's version and memory addresses.
        let reason = problem.message.split(separator: "\n").first ?? ""
        throw BrowserFailure(code: problem.error, description: "\(reason)")
    }

    private static func start() throws -> (ToolProcess, port: UInt16, folder: String) {
        let path = ProcessInfo.processInfo.environment["PATH"] ?? "/usr/bin:/bin"
        var output = ""
        // It chooses a port that is free for one address family, and fails if the port is in use for the other.
        for _ in 0..<5 {
            // Removed after the process has ended, because Chromium may write until then.
            let folder =
                FileManager.default.temporaryDirectory.path + "/podstack-browser-\(UInt32.random(in: 0 ... .max))"
            try FileManager.default.createDirectory(
                atPath: folder, withIntermediateDirectories: false, attributes: [.posixPermissions: 0o700])
            let process = try ToolProcess(
                attached: "env", ["HOME=\(folder)", "TMPDIR=\(folder)", "PATH=\(path)", "chromedriver", "--port=0"],
                removing: folder)
            try process.waitForEither { $0.contains("bind() failed") || Self.port(in: $0) != nil }
            output = process.standardOutput + process.standardError
            if let port = Self.port(in: output) { return (process, port, folder) }
        }
        throw BrowserFailure(description: "chromedriver does not say its port: \(output)")
    }

    /// Waits for the port that the process chose.
    private static func port(in output: String) -> UInt16? {
        guard let range = output.range(of: "successfully on port ") else { return nil }
        let rest = output[range.upperBound...]
        return rest.contains(".") ? UInt16(rest.prefix { $0.isNumber }) : nil
    }
}
