/// What a test could not do with the browser, and why.
struct BrowserFailure: Error, CustomStringConvertible {
    /// The name that the protocol has for it, such as `no such element`.
    var code = ""
    var description: String

    /// Whether waiting does not help.
    var isFinal: Bool { ["invalid selector", "invalid session id", "no such window"].contains(code) }
}
