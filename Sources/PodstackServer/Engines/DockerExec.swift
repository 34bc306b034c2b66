import PodstackTransport

/// Commands in running containers.
enum DockerExec {
    /// Creates a command, without starting it, and returns its ID.
    static func create(
        _ client: DockerClient, _ podID: String, _ command: [String], hasInput: Bool, terminal: EngineTerminalSize?
    ) throws -> String {
        let request = Docker.ExecRequest(
            command: command, hasInput: hasInput, hasTerminal: terminal != nil,
            terminalSize: terminal.map { [$0.rows, $0.columns] })
        let response = try client.send("POST", .init("containers", podID, "exec"), body: request)
        guard response.isSuccess else {
            throw response.status == 409
                ? EngineFailure(kind: .conflict, reason: "The pod is not running")
                : client.failure(response.status, response.body)
        }
        return try DockerClient.decode(Docker.Created.self, response.body).id
    }

    /// Returns the exit code of a command whose output has ended.
    static func exitCode(_ client: DockerClient, _ id: String) throws -> Int {
        // The engine may record the exit code after it has closed the output.
        var wait = EngineWait(seconds: 10)
        repeat {
            let exec = try client.value(Docker.Exec.self, "GET", .init("exec", id, "json"))
            if !exec.isRunning, let code = exec.exitCode { return code }
        } while wait.pause()
        throw EngineFailure(kind: .failed, reason: "The engine does not say how the command has ended")
    }

    /// Turns an error in the stream of frames into a failure.
    static func translating<Result>(_ body: () throws -> Result) throws -> Result {
        do { return try body() } catch DockerFrames.Problem.engine(let message) {
            throw EngineFailure(
                kind: .failed, reason: "The engine cannot read the output: \(DockerFailure.reason(message))")
        } catch DockerFrames.Problem.invalid {
            throw EngineFailure(kind: .failed, reason: "The engine sent output that is not as its API describes")
        }
    }
}

/// An interactive command of the Docker engine.
final class DockerSession: EngineSession {
    private struct Output {
        var frames = DockerFrames()
        /// The parts that were received and not returned yet.
        var parts: [(stream: EngineStream, bytes: [UInt8])] = []
    }

    private let client: DockerClient
    private let id: String
    private let connection: UpgradedConnection
    private let hasTerminal: Bool
    private let output = Monitor(Output())

    init(_ client: DockerClient, _ id: String, _ connection: UpgradedConnection, hasTerminal: Bool) {
        self.client = client
        self.id = id
        self.connection = connection
        self.hasTerminal = hasTerminal
    }

    func read() throws -> (stream: EngineStream, bytes: [UInt8])? {
        while true {
            if let part = output.change(waking: .none, { $0.parts.isEmpty ? nil : $0.parts.removeFirst() }) {
                return part
            }
            let bytes = try translating { () throws(TransportFailure) in try connection.read() }
            if bytes.isEmpty { return nil }
            if hasTerminal { return (.output, bytes) }
            try output.change(waking: .none) { output in
                try DockerExec.translating {
                    var parts: [(stream: EngineStream, bytes: [UInt8])] = []
                    _ = try bytes.withUnsafeBytes { bytes in
                        try output.frames.receive(bytes) { stream, part in
                            parts.append((stream, Array(part)))
                            return true
                        }
                    }
                    output.parts = parts
                }
            }
        }
    }

    func write(_ bytes: [UInt8]) throws {
        try translating { () throws(TransportFailure) in try connection.write(bytes) }
    }

    func closeInput() throws {
        if hasTerminal {
            // A terminal has no end of input but this character.
            try write([0x04])
        } else {
            connection.closeWriting()
        }
    }

    func resize(_ size: EngineTerminalSize) throws {
        guard hasTerminal else { return }
        let target = DockerClient.Target("exec", id, "resize").with("h", String(size.rows)).with(
            "w", String(size.columns))
        let response = try client.send("POST", target)
        // The command may have ended meanwhile.
        guard response.isSuccess || response.status == 404 || response.status == 409 else {
            throw client.failure(response.status, response.body)
        }
    }

    func exitCode() throws -> Int { try DockerExec.exitCode(client, id) }

    func close() { connection.close() }

    private func translating<Result>(_ body: () throws(TransportFailure) -> Result) throws -> Result {
        do { return try body() } catch {
            throw EngineFailure(kind: .unreachable, reason: "The connection to the command has ended: \(error.reason)")
        }
    }
}
