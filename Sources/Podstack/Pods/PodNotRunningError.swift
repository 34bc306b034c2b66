public import PodstackAPI

/// A pod does not run as expected: it failed, ended or was deleted, or did not get there in time.
///
/// ``message`` contains the pod's reason, such as why the image could not be pulled.
public struct PodNotRunningError: PodstackError, Equatable {
    /// The problem, in one sentence.
    public var message: String
    /// The pod as it was seen last.
    public var pod: Pod
    /// Whether the time to wait passed, so that the pod may still get there.
    public var isTimeout: Bool

    /// Creates an error, for tests of your own code.
    ///
    /// - Parameters:
    ///   - message: The problem, in one sentence.
    ///   - pod: The pod as it was seen last.
    ///   - isTimeout: Whether the time to wait passed.
    public init(_ message: String, pod: Pod, isTimeout: Bool = false) {
        self.message = message
        self.pod = pod
        self.isTimeout = isTimeout
    }

    /// Creates the error of a pod that has failed, ended or is deleted or, after a time, one that is not ready yet.
    init(_ pod: Pod, after time: Duration? = nil) {
        let reason = pod.statusReason.map { OneLine.of($0, most: 500) }
        var message = "The pod \(OneLine.of(pod.name, most: 63)) (\(OneLine.of(pod.id, most: 64))) "
        if let time {
            message += "is still \(OneLine.of(pod.status.rawValue, most: 30)) after \(time.wholeSeconds) s"
        } else if pod.status == .failed {
            message += "failed"
        } else if pod.status == .terminated {
            message += "was deleted"
        } else {
            message += "stopped before it was seen running"
            if let code = pod.exitCode, reason == nil { message += ", with exit code \(code)" }
        }
        self.init(message + (reason.map { ": \($0)" } ?? ""), pod: pod, isTimeout: time != nil)
    }

    /// The ID, the state and the reason of the pod, as `pod_id`, `status` and `status_reason`.
    public var details: [String: JSONValue] {
        [
            "pod_id": .string(pod.id), "status": .string(pod.status.rawValue),
            "status_reason": pod.statusReason.map { .string(OneLine.of($0, most: 500)) } ?? .null,
        ]
    }

    /// A suggestion what to do.
    public var hint: String? {
        isTimeout ? "The events of the pod say what it waits for" : "The logs and the events of the pod may say more"
    }
}
