import PodstackTransport

/// One container of a Docker engine: its state, and the data that is read from it or written to it.
///
/// A name stands for the container as well as its ID does.
struct DockerContainer: Sendable {
    let client: DockerClient
    let id: String

    init(_ client: DockerClient, _ id: String) {
        self.client = client
        self.id = id
    }

    /// Returns what the engine knows of the container; nil if it does not exist.
    func inspect() throws -> Docker.Container? {
        let response = try client.send("GET", .init("containers", id, "json"))
        if response.status == 404 { return nil }
        guard response.isSuccess else { throw client.failure(response.status, response.body) }
        return try DockerClient.decode(Docker.Container.self, response.body)
    }

    /// Stops the container; does nothing if it does not run or does not exist.
    ///
    /// - Parameter graceSeconds: The seconds between the signals TERM and KILL; 0 to kill at once.
    /// - Throws: ``EngineFailure``.
    func stop(graceSeconds: Int) throws {
        let response =
            if graceSeconds > 0 {
                try client.send(
                    "POST", .init("containers", id, "stop").with("t", String(graceSeconds)),
                    silence: .seconds(graceSeconds + 60))
            } else {
                try client.send("POST", .init("containers", id, "kill").with("signal", "KILL"))
            }
        switch response.status {
        case 200..<300, 304, 404: return
        // It does not run.
        case 409 where graceSeconds <= 0: return
        default: throw client.failure(response.status, response.body)
        }
    }

    // MARK: - Data

    func logs(
        _ selection: EngineLogSelection, _ cancellation: EngineCancellation,
        receive: (EngineStream, UnsafeRawBufferPointer) throws -> Bool
    ) throws {
        var target = DockerClient.Target("containers", id, "logs").with("stdout", "true").with("stderr", "true")
            .with("tail", selection.tail.map { String(max(0, $0)) } ?? "all")
        if let since = selection.since {
            // The latest time that the API can name, 9999, does not fit into nanoseconds.
            let milliseconds = min(max(0, since), Int64.max / 1_000_000)
            target = target.with("since", DockerTime.query(nanoseconds: milliseconds * 1_000_000))
        }
        if selection.follows { target = target.with("follow", "true") }
        if selection.hasTimes { target = target.with("timestamps", "true") }
        var frames = DockerFrames()
        try client.stream("GET", target, silence: selection.follows ? nil : .seconds(120), cancellation) { bytes in
            try DockerExec.translating { try frames.receive(bytes, pass: receive) }
        }
    }

    func exec(
        _ command: [String], _ cancellation: EngineCancellation,
        receive: (EngineStream, UnsafeRawBufferPointer) throws -> Bool
    ) throws -> Int {
        let exec = try DockerExec.create(client, id, command, hasInput: false, terminal: nil)
        var frames = DockerFrames()
        var isWanted = true
        try client.stream(
            "POST", .init("exec", exec, "start"), body: Docker.ExecStart(hasTerminal: false), cancellation
        ) { bytes in
            // The rest of unwanted output is still read, since the command would wait otherwise.
            try DockerExec.translating {
                try frames.receive(bytes) { stream, part in
                    if isWanted { isWanted = try receive(stream, part) }
                    return true
                }
            }
        }
        return try DockerExec.exitCode(client, exec)
    }

    func attach(_ command: [String], terminal: EngineTerminalSize?) throws -> any EngineSession {
        let exec = try DockerExec.create(client, id, command, hasInput: true, terminal: terminal)
        let connection = try client.connect(
            .init("exec", exec, "start"), body: Docker.ExecStart(hasTerminal: terminal != nil))
        let session = DockerSession(client, exec, connection, hasTerminal: terminal != nil)
        if let terminal { try? session.resize(terminal) }
        return session
    }

    func download(
        path: String, _ cancellation: EngineCancellation, receive: (UnsafeRawBufferPointer) throws -> Bool
    ) throws {
        try client.stream(
            "GET", .init("containers", id, "archive").with("path", path), silence: .seconds(120), cancellation,
            receive: receive)
    }

    func upload(path: String, next: () throws -> [UInt8]) throws {
        try client.upload(
            .init("containers", id, "archive").with("path", path), contentType: "application/x-tar", next: next)
    }

    func statistics() throws -> Docker.Statistics {
        let target = DockerClient.Target("containers", id, "stats").with("stream", "false").with("one-shot", "true")
        return try client.value(Docker.Statistics.self, "GET", target)
    }
}
