/// One thing that takes bytes from outside, and what must hold whatever they are.
struct FuzzTarget: Sendable {
    var name: String
    var run: @Sendable ([UInt8]) -> Void

    /// Set once, before the fuzzer starts.
    nonisolated(unsafe) static var current: FuzzTarget?

    static let all = [
        FuzzTarget(name: "authorization", run: AuthorizationTarget.run),
        FuzzTarget(name: "command-words", run: CommandWordsTarget.run),
        FuzzTarget(name: "credential-process", run: CredentialProcessTarget.run),
        FuzzTarget(name: "credentials-file", run: CredentialsFileTarget.run),
        FuzzTarget(name: "cursor", run: CursorTarget.run),
        FuzzTarget(name: "dotenv", run: DotEnvTarget.run),
        FuzzTarget(name: "endpoint", run: EndpointTarget.run),
        FuzzTarget(name: "error-answer", run: ErrorAnswerTarget.run),
        FuzzTarget(name: "request-body", run: RequestBodyTarget.run),
        FuzzTarget(name: "request-target", run: RequestTargetTarget.run),
        FuzzTarget(name: "token", run: TokenTarget.run),
    ]
}

/// Ends the run, and so keeps the input, when an invariant is broken.
func require(_ holds: Bool, _ invariant: @autoclosure () -> String) {
    if !holds { fatalError(invariant()) }
}
