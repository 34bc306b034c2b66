#if os(Linux)
    import PodstackAPI
    import PodstackTransport
    import PodstackSystem

    /// An interactive command in a pod.
    ///
    /// Its methods block. One thread may read while another one sends, and any thread may close it.
    package final class ExecSession: Sendable {
        private let connection: UpgradedConnection
        private let reader = Lock(ExecFrame.Reader())
        /// Held while a frame is sent, so that two never mix.
        private let sending = Lock(())

        init(_ connection: UpgradedConnection) { self.connection = connection }

        /// Waits for the next frame of the service; nil if the connection ended without a last frame.
        ///
        /// - Returns: The frame.
        /// - Throws: `TransportFailure` if the connection breaks or carries something else.
        package func next() throws -> ExecFrame? {
            while true {
                do {
                    if let frame = try reader.withLock({ reader throws(ExecFrame.Malformed) in try reader.next() }) {
                        return frame
                    }
                } catch { throw TransportFailure(reason: "the connection carries bytes that are not frames") }
                let bytes = try connection.read()
                guard !bytes.isEmpty else { return nil }
                reader.withLock { $0.receive(bytes) }
            }
        }

        /// Sends a frame.
        package func send(_ frame: ExecFrame) throws {
            try sending.withLock { _ in try connection.write(frame.bytes) }
        }

        /// Ends the session, which makes a blocked ``next()`` return.
        package func close() { connection.close() }
    }

    extension Pods {
        /// Whether commands can be interactive: not with a transport that the program supplies.
        package var hasSessions: Bool { pipeline.streams.transport != nil }

        /// Runs a command in a pod and returns the connection to it.
        ///
        /// - Parameters:
        ///   - id: The pod's ID.
        ///   - command: The program and its arguments.
        ///   - terminal: The size of the terminal; nil for a command without one.
        /// - Returns: The session.
        /// - Throws: ``ConflictError`` if the pod does not run.
        package func session(
            _ id: Pod.ID, _ command: [String], terminal: (rows: Int, columns: Int)?
        ) async throws -> ExecSession {
            let size: JSONValue =
                terminal.map { ["rows": .integer($0.rows), "columns": .integer($0.columns)] } ?? .null
            let body: [String: JSONValue] = [
                "command": .array(command.map(JSONValue.string)), "terminal": size,
            ]
            var call = try Call.post(path(id) + "/exec", body)
            call.idempotencyKey = nil
            call.isEndless = true
            return ExecSession(try await pipeline.upgrade(call, to: ExecFrame.protocolName))
        }
    }
#endif
