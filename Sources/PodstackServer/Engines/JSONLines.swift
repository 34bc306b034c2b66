/// Splits a stream of JSON values, each on a line of its own.
struct JSONLines {
    private var line: [UInt8] = []
    /// The longest line.
    private static let maxLength = 1 << 20

    /// Receives the next bytes.
    ///
    /// - Parameters:
    ///   - bytes: The bytes.
    ///   - pass: Receives each line that is not blank, without its end.
    /// - Throws: A failure if a line is too long, and the errors of `pass`.
    mutating func receive(_ bytes: UnsafeRawBufferPointer, pass: ([UInt8]) throws -> Void) throws {
        for byte in bytes {
            guard byte == UInt8(ascii: "\n") else {
                guard line.count < Self.maxLength else {
                    throw EngineFailure(kind: .failed, reason: "The engine sent a line that is too long")
                }
                line.append(byte)
                continue
            }
            let whole = line
            line.removeAll(keepingCapacity: true)
            if whole.contains(where: { $0 != 0x20 && $0 != 0x0D && $0 != 0x09 }) { try pass(whole) }
        }
    }

    /// Passes on a last line that has no end.
    mutating func end(pass: ([UInt8]) throws -> Void) throws {
        let rest: [UInt8] = [UInt8(ascii: "\n")]
        try rest.withUnsafeBytes { try receive($0, pass: pass) }
    }
}
