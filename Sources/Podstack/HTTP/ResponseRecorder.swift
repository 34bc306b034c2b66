import PodstackSystem

/// Keeps the body of a task's last response, after the response was decoded.
///
/// The C interface returns it as it is: encoding the decoded value again would take longer than the whole call.
package final class ResponseRecorder: Sendable {
    /// The recorder of the current task; nil if none is needed.
    @TaskLocal package static var current: ResponseRecorder?

    private let lastBody = Lock<[UInt8]>([])

    /// Creates a recorder without a body.
    package init() {}

    /// The body of the last response.
    package var body: [UInt8] { lastBody.withLock { $0 } }

    func record(_ body: [UInt8]) { lastBody.withLock { $0 = body } }
}
