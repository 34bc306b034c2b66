#if canImport(FoundationEssentials)
    import FoundationEssentials
#else
    import Foundation
#endif

/// A folder that is removed when this value is released.
package final class TemporaryDirectory: Sendable {
    package let path: String

    package init() throws {
        path = FileManager.default.temporaryDirectory.path + "/podstack-test-\(UInt64.random(in: 0...UInt64.max))"
        try FileManager.default.createDirectory(atPath: path, withIntermediateDirectories: true)
    }

    deinit { try? FileManager.default.removeItem(atPath: path) }

    package func file(_ name: String) -> String { path + "/" + name }

    /// Writes a file and returns its path.
    package func write(_ text: String, to name: String) throws -> String {
        let path = file(name)
        try Data(text.utf8).write(to: URL(filePath: path))
        return path
    }

    /// Writes a program for the shell and returns its path.
    ///
    /// Another process writes the file. Otherwise a child that a parallel test starts meanwhile could hold it open for
    /// writing, and such a file cannot be executed.
    package func writeProgram(_ script: String, to name: String) throws -> String {
        let path = file(name)
        let write = #"printf '#!/bin/sh\n%s\n' "$2" >"$1" && chmod 755 "$1""#
        let result = try ToolProcess.run("/bin/sh", ["-c", write, "sh", path, script])
        guard result.status == 0 else { throw ToolProcess.Failure(reason: "\(path): \(result.error)") }
        return path
    }

    package static func replace(_ path: String, with text: String) throws {
        try Data(text.utf8).write(to: URL(filePath: path))
    }

    package static func replace(_ path: String, withBytes bytes: [UInt8]) throws {
        try Data(bytes).write(to: URL(filePath: path))
    }

    package func read(_ name: String) -> String? {
        FileManager.default.contents(atPath: file(name)).map { String(decoding: $0, as: UTF8.self) }
    }
}
