/// A failure to control the browser, with its reason.
struct BrowserFailure: Error, CustomStringConvertible {
    /// The protocol's error code, such as `no such element`.
    var code = ""
    var description: String

    /// Whether waiting cannot resolve the failure.
    var isFinal: Bool { ["invalid selector", "invalid session id", "no such window"].contains(code) }
}
