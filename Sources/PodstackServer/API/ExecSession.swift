import PodstackAPI

// The protocol of an interactive command, after the switch to `podstack-exec/1`. Both sides send frames: one byte with the
// type, four bytes with the length of the payload (big-endian, at most 64 KiB), and the payload.
//
//     type  from    payload
//     0     client  input of the command
//     1     server  output of the command
//     2     server  error output of the command; with a terminal, all output has type 1
//     3     server  the exit code in decimal digits; the last frame
//     4     client  the new size of the terminal, such as 24x80: rows and columns
//     5     client  the end of the input; empty
//     6     server  why the command's outcome is unknown, a sentence; the last frame

/// An interactive command on an upgraded connection.
final class ExecSession: Sendable {
    static let protocolName = "podstack-exec/1"

    enum FrameType: UInt8, Sendable {
        case input = 0
        case output, errorOutput, exitCode, size, endOfInput, failure
    }

    /// The most bytes of a payload.
    static let maxPayload = 64 << 10

    private let socket: UpgradedSocket
    private let session: any EngineSession

    init(_ socket: UpgradedSocket, _ session: any EngineSession) {
        self.socket = socket
        self.session = session
    }

    // MARK: - Requests

    /// Returns whether a request asks for the protocol.
    ///
    /// - Throws: ``ErrorResponse`` if it asks for another one.
    static func isRequested(by request: Request) throws -> Bool {
        let connection = request.headers.filter { $0.name == "connection" }.flatMap { $0.value.split(separator: ",") }
        guard connection.contains(where: { $0.filter { $0 != " " }.lowercased() == "upgrade" }) else { return false }
        guard let name = try request.onlyHeader("Upgrade") else { return false }
        guard name == protocolName else {
            throw ErrorResponse.badRequest("Upgrade must be \(protocolName)")
        }
        return true
    }

    /// Reads the size of a terminal from JSON.
    static func terminal(_ value: JSONValue) throws(InvalidValue) -> EngineTerminalSize {
        guard case .object(let fields) = value, fields.count == 2, let rows = fields["rows"]?.integerValue,
            let columns = fields["columns"]?.integerValue, let size = size(rows, columns)
        else { throw InvalidValue("must be an object with rows and columns, numbers from 1 to 10000, or null") }
        return size
    }

    private static func size(_ rows: Int, _ columns: Int) -> EngineTerminalSize? {
        guard (1...10_000).contains(rows), (1...10_000).contains(columns) else { return nil }
        return EngineTerminalSize(rows: rows, columns: columns)
    }

    /// Reads the size of a terminal from the payload of a frame.
    static func size(_ payload: [UInt8]) -> EngineTerminalSize? {
        let parts = String(decoding: payload, as: UTF8.self).split(separator: "x", omittingEmptySubsequences: false)
        guard parts.count == 2, let rows = Int(parts[0]), let columns = Int(parts[1]) else { return nil }
        return size(rows, columns)
    }

    // MARK: - Frames

    static func frame(_ type: FrameType, _ payload: some Collection<UInt8>) -> [UInt8] {
        let count = UInt32(payload.count)
        return [type.rawValue] + (0..<4).map { UInt8(truncatingIfNeeded: count >> (24 - 8 * $0)) } + payload
    }

    /// Reads a frame; nil at the end of the connection, or if the frame is malformed.
    private func readFrame() -> (type: FrameType, payload: [UInt8])? {
        guard let header = socket.readExactly(5), let type = FrameType(rawValue: header[0]) else { return nil }
        let count = header[1...].reduce(0) { $0 << 8 | Int($1) }
        guard count <= Self.maxPayload else { return nil }
        guard count > 0 else { return (type, []) }
        return socket.readExactly(count).map { (type, $0) }
    }

    // MARK: - Both directions

    /// Passes bytes in both directions until the command ends, or the client is gone.
    func run() {
        let hasEnded = Monitor(false)
        let isReading = WorkerThread.start { [self] in
            readFrames()
            hasEnded.change { $0 = true }
        }
        if isReading { writeOutput(unlessGone: { hasEnded.change(waking: .none) { $0 } }) }
        session.close()
        // The client reads the last frame and closes the connection. If this side closed it first, bytes that the client
        // is sending would reset the connection, and the last frame could be lost.
        socket.finishWriting()
        if isReading { _ = hasEnded.wait(5) { $0 ? true : nil } }
        // Ends the other thread, which may be waiting for the client, and must not use the connection any more.
        socket.shutDown()
        while isReading, hasEnded.wait(60, for: { $0 ? true : nil }) == nil {}
    }

    /// Sends the output, and then the exit code unless the client is gone: the engine may have to be asked repeatedly.
    private func writeOutput(unlessGone isGone: () -> Bool) {
        do {
            while let (stream, bytes) = try session.read() {
                var rest = bytes[...]
                while !rest.isEmpty {
                    let part = rest.prefix(Self.maxPayload)
                    guard socket.write(Self.frame(stream == .output ? .output : .errorOutput, part)) else { return }
                    rest = rest.dropFirst(part.count)
                }
            }
            if isGone() { return }
            _ = socket.write(Self.frame(.exitCode, "\(try session.exitCode())".utf8))
        } catch {
            let reason = (error as? EngineFailure)?.reason ?? "The engine does not respond"
            _ = socket.write(Self.frame(.failure, reason.utf8))
        }
    }

    private func readFrames() {
        while let (type, payload) = readFrame() {
            do {
                switch type {
                case .input: if !payload.isEmpty { try session.write(payload) }
                case .size: if let size = Self.size(payload) { try session.resize(size) }
                case .endOfInput: try session.closeInput()
                case .output, .errorOutput, .exitCode, .failure: return session.close()
                }
            } catch {
                // The command may have ended; its exit code follows.
                continue
            }
        }
        // The client is gone.
        session.close()
    }
}
