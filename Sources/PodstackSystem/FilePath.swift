#if canImport(Glibc)
    import Glibc
#elseif canImport(Musl)
    import Musl
#elseif canImport(Darwin)
    import Darwin
#endif

/// A path as the system represents it: bytes that need not be UTF-8.
///
/// Every access to a file takes one. Two paths are equal only if their bytes are. Printing a path shows an escape for
/// each byte that is not UTF-8 and for each control character; ``text`` keeps them.
package struct FilePath: Sendable, Hashable {
    package let bytes: [UInt8]

    package init(bytes: [UInt8]) { self.bytes = bytes }

    /// Creates a path from ``SystemText``.
    package init(_ text: String) { bytes = SystemText.bytes(of: text) }

    package init(cString string: UnsafePointer<CChar>) { self.init(SystemText.text(of: string)) }

    /// The path as ``SystemText``, from which the same path can be created.
    package var text: String { SystemText.text(of: bytes) }

    /// Calls a closure with the path as the system's functions take it.
    package func withCString<Result>(_ body: (UnsafePointer<CChar>) -> Result) -> Result {
        (bytes + [0]).withUnsafeBytes { bytes in
            // Never nil: the buffer contains at least the terminating zero.
            bytes.withMemoryRebound(to: CChar.self) { body($0.baseAddress.unsafelyUnwrapped) }
        }
    }

    // MARK: - Parts

    package var isAbsolute: Bool { bytes.first == slash }

    /// Whether the system would read only the part of the path before a zero byte.
    package var containsZero: Bool { bytes.contains(0) }

    /// The part after the last slash.
    package var name: ArraySlice<UInt8> { bytes[((bytes.lastIndex(of: slash) ?? -1) + 1)...] }

    /// Whether the path can only name a directory, because it is empty or ends with a slash, `.` or `..`.
    package var namesDirectory: Bool { name.isEmpty || name.elementsEqual([dot]) || name.elementsEqual([dot, dot]) }

    /// The folder that contains the file; `.` for a name alone.
    package var parent: FilePath {
        guard let end = bytes.lastIndex(of: slash) else { return "." }
        let start = bytes[..<end].lastIndex { $0 != slash }
        return start.map { FilePath(bytes: Array(bytes[...$0])) } ?? "/"
    }

    /// Returns the path of an entry of this directory.
    package func appending(_ name: some Collection<UInt8>) -> FilePath {
        FilePath(bytes: bytes + (bytes.last == slash ? [] : [slash]) + name)
    }

    /// Returns the path of an entry of this directory.
    package func appending(_ name: String) -> FilePath { appending(SystemText.bytes(of: name)) }

    /// Returns the path of a file in the same folder, with a longer name.
    package static func + (path: FilePath, suffix: String) -> FilePath {
        FilePath(bytes: path.bytes + Array(suffix.utf8))
    }

    // MARK: - The file system

    /// The path with all links followed; nil when the file does not exist.
    package var real: FilePath? {
        guard let real = withCString({ realpath($0, nil) }) else { return nil }
        defer { free(real) }
        return FilePath(cString: real)
    }

    /// The working directory; nil when it was removed.
    package static var workingDirectory: FilePath? {
        guard let path = getcwd(nil, 0) else { return nil }
        defer { free(path) }
        return FilePath(cString: path)
    }
}

private let slash = UInt8(ascii: "/")
private let dot = UInt8(ascii: ".")

extension FilePath: ExpressibleByStringLiteral {
    package init(stringLiteral text: String) { self.init(text) }
}

extension FilePath: CustomStringConvertible {
    /// The path for people, on one line.
    package var description: String { SystemText.escaped(text) }
}
