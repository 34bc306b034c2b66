/// A part of the package that receives bytes from outside, with the invariants that hold for all bytes.
struct FuzzTarget: Sendable {
    var name: String
    var run: @Sendable ([UInt8]) -> Void

    /// The target of this run; set once, before the fuzzer starts.
    nonisolated(unsafe) static var current: FuzzTarget?

    static let all = [
        FuzzTarget(name: "authorization", run: AuthorizationTarget.run),
        FuzzTarget(name: "command-words", run: CommandWordsTarget.run),
        FuzzTarget(name: "credential-process", run: CredentialProcessTarget.run),
        FuzzTarget(name: "credentials-file", run: CredentialsFileTarget.run),
        FuzzTarget(name: "cursor", run: CursorTarget.run),
        FuzzTarget(name: "dotenv", run: DotEnvTarget.run),
        FuzzTarget(name: "endpoint", run: EndpointTarget.run),
        FuzzTarget(name: "engine", run: EngineTarget.run),
        FuzzTarget(name: "error-response", run: ErrorResponseTarget.run),
        FuzzTarget(name: "forwarded", run: ForwardedTarget.run),
        FuzzTarget(name: "request-body", run: RequestBodyTarget.run),
        FuzzTarget(name: "request-target", run: RequestTargetTarget.run),
        FuzzTarget(name: "token", run: TokenTarget.run),
    ]
}

/// Ends the process if an invariant is violated, so that libFuzzer keeps the input.
func require(_ holds: Bool, _ invariant: @autoclosure () -> String) {
    if !holds { fatalError(invariant()) }
}
