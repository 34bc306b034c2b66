#if os(Linux)
    import Podstack
    import PodstackAPI
    import PodstackCommandLine
    import PodstackSystem
    import PodstackTransport
    import Synchronization

    /// A command in a pod whose streams are those of this program.
    struct PodSession {
        private let invocation: Invocation
        private let session: ExecSession

        init(_ invocation: Invocation, _ session: ExecSession) {
            self.invocation = invocation
            self.session = session
        }

        /// Passes bytes on in both directions until the command ends, and returns its status.
        ///
        /// - Parameters:
        ///   - terminal: The terminal that the command has; nil for a command without one.
        ///   - sendsInput: Whether standard input is sent to the command.
        /// - Returns: The exit code of the command.
        /// - Throws: ``CommandError`` if the command could not be run, `NetworkError` if the connection breaks.
        func run(terminal: RawTerminal?, sendsInput: Bool) async throws -> ExitStatus {
            let (session, invocation) = (session, invocation)
            if let terminal {
                BlockingThread.start { Self.sendTerminal(terminal, to: session) }
            } else if sendsInput {
                let input = invocation.context.inputDescriptor
                BlockingThread.start { Self.sendInput(from: input, to: session) }
            } else {
                // A short command may have ended already. Its exit code has arrived then, although nothing can be sent.
                try? session.send(ExecFrame(.endOfInput))
            }
            defer {
                session.close()
                terminal?.wake()
            }
            return try await withTaskCancellationHandler {
                try await BlockingThread.run { try Self.receive(from: session, invocation, isRaw: terminal != nil) }
            } onCancel: {
                session.close()
            }
        }

        // MARK: - From the pod

        private static func receive(
            from session: ExecSession, _ invocation: Invocation, isRaw: Bool
        ) throws -> ExitStatus {
            var (output, error) = (LogWriter(invocation, isRaw: isRaw), LogWriter(invocation, isError: true))
            defer {
                output.finish()
                error.finish()
            }
            do {
                while let frame = try session.next() {
                    switch frame.kind {
                    case .output: output.write(frame.payload)
                    case .errorOutput: error.write(frame.payload)
                    case .exitCode:
                        guard let code = frame.exitCode else { throw lost }
                        return ExitStatus(rawValue: Int32(truncatingIfNeeded: code))
                    case .failure:
                        throw CommandError(
                            message: TerminalText.printable(String(decoding: frame.payload, as: UTF8.self)))
                    case .input, .resize, .endOfInput: break
                    }
                }
            } catch let failure as TransportFailure {
                throw NetworkError("The connection to the pod broke: \(failure.reason)", kind: failure.kind)
            }
            throw lost
        }

        private static let lost = NetworkError(
            "The connection to the pod ended before the command; the command may still run", kind: .connectionLost)

        // MARK: - To the pod

        private static func sendTerminal(_ terminal: RawTerminal, to session: ExecSession) {
            while true {
                do {
                    switch terminal.next() {
                    case .input(let bytes): try session.send(ExecFrame(.input, bytes))
                    case .endOfInput: return try session.send(ExecFrame(.endOfInput))
                    case .resize(let rows, let columns):
                        try session.send(ExecFrame(.resize, text: "\(rows)x\(columns)"))
                    case .woken: return
                    }
                    // The thread that receives notices that the connection broke.
                } catch { return }
            }
        }

        private static func sendInput(from descriptor: Int32, to session: ExecSession) {
            do {
                while let bytes = StandardInput.read(from: descriptor), !bytes.isEmpty {
                    try session.send(ExecFrame(.input, bytes))
                }
                try session.send(ExecFrame(.endOfInput))
                // The thread that receives notices that the connection broke.
            } catch {}
        }
    }
#endif
