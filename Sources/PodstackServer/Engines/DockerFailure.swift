/// The meaning of the Docker engine's errors.
///
/// The engine says most of it only in the text, so the texts of the versions 20.10 to 28 are searched for what matters.
/// Anything else is decided by the status.
enum DockerFailure {
    /// Returns the failure that a response means.
    ///
    /// - Parameters:
    ///   - status: The status of the response.
    ///   - message: The message of its body; nil if it has none.
    /// - Returns: The failure, whose reason has no credential.
    static func failure(status: Int, message: String?) -> EngineFailure {
        let message = message ?? "The engine responded with HTTP \(status)"
        return EngineFailure(kind: kind(status, message.lowercased()), reason: reason(message))
    }

    private static func kind(_ status: Int, _ message: String) -> EngineFailure.Kind {
        func has(_ parts: String...) -> Bool { parts.contains { message.contains($0) } }
        if has("could not select device driver", "nvidia-container-cli", "nvidia-container-runtime", "nvidia.com/gpu") {
            return .gpu
        }
        if has(
            "no space left on device", "disk quota exceeded", "cannot allocate memory",
            "non-overlapping ipv4 address pool")
        {
            return .noSpace
        }
        if has(
            "port is already allocated", "address already in use", "volume is in use", "has active endpoints",
            "is in use by")
        {
            return .conflict
        }
        if has("no such image") { return .image }
        // Without most of its managers, a swarm responds to nothing.
        if has("the swarm does not have a leader") { return .unreachable }
        switch status {
        // The pod exists, and its network will when it is ensured again.
        case 404 where message.hasPrefix("network "): return .failed
        case 404: return .notFound
        // A path through a file.
        case 400 where has(": not a directory"), 500 where has(": not a directory"): return .notFound
        case 409: return .conflict
        case 400, 401, 403, 405, 501: return .refused
        // A wrong program, address or archive also comes as an error of the server.
        case 500
        where has(
            "executable file not found", "cannot assign requested address", "permission denied",
            "no such file or directory: unknown", "extraction point is not a directory", "error processing tar file"):
            return .refused
        default: return .failed
        }
    }

    /// Returns the failure of a pull.
    static func pullFailure(status: Int, message: String?, image: DockerImageName) -> EngineFailure {
        let message = message ?? "the engine responded with HTTP \(status)"
        let text = message.lowercased()
        // The registry or the way to it may work again later.
        let isTransient = [
            "timeout", "timed out", "deadline exceeded", "connection refused", "connection reset", "temporary failure",
            "no route to host", "network is unreachable", "toomanyrequests", "too many requests", "unexpected eof",
            ": eof",
            "internal server error", "bad gateway", "service unavailable", "gateway timeout", "tls handshake",
        ].contains { text.contains($0) }
        let kind: EngineFailure.Kind =
            text.contains("no space left") ? .noSpace : isTransient ? .failed : .image
        return EngineFailure(kind: kind, reason: "The image \(image.text) cannot be pulled: \(reason(message))")
    }

    /// Returns a message as one short sentence without its period.
    ///
    /// The engine puts the names of the parts that an error went through before its cause.
    static func reason(_ message: String) -> String {
        var text = message.split { $0.isNewline }.joined(separator: " ")
        if text.hasPrefix("rpc error: code = "), let range = text.firstRange(of: " desc = ") {
            text = String(text[range.upperBound...])
        }
        for prefix in [
            "starting container failed: ", "failed to create task for container: ", "failed to create shim task: ",
            "OCI runtime create failed: ",
            "runc create failed: ", "OCI runtime exec failed: ", "exec failed: ", "unable to start container process: ",
            "error during container init: ", "Error response from daemon: ", "failed to set up container networking: ",
        ] where text.hasPrefix(prefix) {
            text = String(text.dropFirst(prefix.count))
        }
        // The cause of a failed hook, and of a failed port, comes last.
        for (beginning, end) in [
            ("error running hook", "stderr: "), ("driver failed programming external connectivity", "): "),
        ] where text.hasPrefix(beginning) {
            if let range = text.firstRange(of: end) { text = String(text[range.upperBound...]) }
        }
        // The engine names where it keeps the pod's files.
        text = text.split(separator: " ", omittingEmptySubsequences: false).map { word in
            word.hasPrefix("/") && word.contains("/overlay2/") ? "the path" + (word.hasSuffix(":") ? ":" : "") : word
        }.joined(separator: " ")
        if text.hasSuffix(": unknown") { text = String(text.dropLast(": unknown".count)) }
        while let last = text.last, last == "." || last == " " { text.removeLast() }
        if text.utf8.count > maxReason { text = String(decoding: text.utf8.prefix(maxReason), as: UTF8.self) + "…" }
        return text
    }

    private static let maxReason = 500
}
