public import PodstackAPI
import PodstackSystem

// MARK: - Values

/// The progress of a transfer of files.
public struct TransferProgress: Sendable, Hashable {
    /// The bytes of files that were transferred.
    public var completedBytes: Int64
    /// The bytes of all files; nil if that is not known.
    public var totalBytes: Int64?

    /// Creates the progress of a transfer.
    ///
    /// - Parameters:
    ///   - completedBytes: The bytes of files that were transferred.
    ///   - totalBytes: The bytes of all files, or nil.
    public init(completedBytes: Int64, totalBytes: Int64? = nil) {
        self.completedBytes = completedBytes
        self.totalBytes = totalBytes
    }
}

/// The result of a transfer of files.
public struct TransferSummary: Sendable, Hashable {
    /// The number of files.
    public var files: Int
    /// The bytes of the files.
    public var bytes: Int64
    /// The paths of what was left out, such as devices and links that lead out of the directory; at most 100.
    public var skipped: [String]

    /// Creates a summary.
    ///
    /// - Parameters:
    ///   - files: The number of files.
    ///   - bytes: The bytes of the files.
    ///   - skipped: The paths of what was left out.
    public init(files: Int = 0, bytes: Int64 = 0, skipped: [String] = []) {
        self.files = files
        self.bytes = bytes
        self.skipped = skipped
    }

    mutating func skip(_ path: String) {
        if skipped.count < 100 { skipped.append(SystemText.displayed(path)) }
    }
}

/// A local file or directory cannot be read or written, or a path in the pod is not usable.
public struct PodFileError: PodstackError, Equatable {
    /// The problem, in one sentence.
    public var message: String

    /// Creates an error, for tests of your own code.
    ///
    /// - Parameter message: The problem, in one sentence.
    public init(_ message: String) { self.message = message }

    /// Creates the error of a function of the system.
    init(_ path: FilePath, _ failure: Int32, _ verb: String) {
        message = TokenRedaction.redact("\(path) cannot be \(verb): \(ErrorNumber.text(failure))")
    }
}

// MARK: - Calls

extension Pods {
    /// Copies a local file or directory into a pod.
    ///
    /// - Parameters:
    ///   - id: The pod's ID.
    ///   - source: The path of the local file or directory.
    ///   - destination: The absolute path of the copy in the pod, whose directory must exist. If it ends with a slash, it
    ///     is the directory that receives the copy.
    ///   - progress: Receives the progress, on any thread.
    /// - Returns: What was copied.
    /// - Throws: ``PodFileError`` if a local file cannot be read, ``ConflictError`` if the pod is deleted,
    ///   ``ValidationError`` if the directory does not exist.
    @discardableResult
    public func upload(
        _ id: Pod.ID, from source: String, to destination: String,
        progress: (@Sendable (TransferProgress) -> Void)? = nil
    ) async throws -> TransferSummary {
        let local = FilePath(source)
        let (directory, name) = try Self.remoteParts(destination, named: local)
        let archive = try await BlockingThread.run { try TarSource(local, as: name, progress: progress) }
        var call = Call(method: "PUT", path: path(id) + "/files", query: [(name: "path", value: directory)])
        call.contentType = Self.tar
        try await pipeline.upload(call, StreamControl()) { try archive.next() }
        return archive.summary
    }

    /// Copies a file or directory of a pod to this machine.
    ///
    /// Nothing is written outside of the copy, whatever the pod sends: links that lead out of it are left out.
    ///
    /// - Parameters:
    ///   - id: The pod's ID.
    ///   - source: The absolute path in the pod.
    ///   - destination: The local path of the copy. If it ends with a slash or is a directory, it receives the copy.
    ///   - progress: Receives the progress, on any thread.
    /// - Returns: What was copied, and what was left out.
    /// - Throws: ``PodFileError`` if a local file cannot be written, ``ValidationError`` if the path does not exist in the
    ///   pod.
    @discardableResult
    public func download(
        _ id: Pod.ID, from source: String, to destination: String,
        progress: (@Sendable (TransferProgress) -> Void)? = nil
    ) async throws -> TransferSummary {
        guard source.hasPrefix("/") else { throw PodFileError("The path in the pod must be absolute") }
        var call = Call.get(path(id) + "/files", query: [(name: "path", value: source)])
        call.accept = Self.tar
        let extraction = Lock(TarExtraction(to: FilePath(destination), progress: progress))
        try await pipeline.stream(call, StreamControl()) { bytes in
            try extraction.withLock { try $0.receive(bytes) }
            return true
        }
        return try await BlockingThread.run { try extraction.withLock { try $0.finish() } }
    }

    private static let tar = "application/x-tar"

    /// Returns the directory in the pod that receives a copy, and the name of the copy.
    private static func remoteParts(
        _ destination: String, named local: FilePath
    ) throws(PodFileError) -> (directory: String, name: [UInt8]) {
        guard destination.hasPrefix("/") else { throw PodFileError("The path in the pod must be absolute") }
        let path = FilePath(destination)
        guard path.namesDirectory else { return (path.parent.text, Array(path.name)) }
        // The name of `.` and of `dir/` is that of the directory itself.
        guard let real = local.namesDirectory ? local.real : local, !real.namesDirectory else {
            throw PodFileError("\(SystemText.displayed(local.text)) does not exist, or has no name")
        }
        return (destination, Array(real.name))
    }
}
