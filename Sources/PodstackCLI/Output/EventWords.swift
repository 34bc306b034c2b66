import Podstack

/// What `--debug` says of an event.
enum EventWords {
    static func of(_ event: ClientEvent) -> String {
        switch event {
        case .requestStarted(let method, let path): "\(method) \(path)"
        case .requestFinished(let method, let path, let status, let duration):
            "\(method) \(path): HTTP \(status) after \(milliseconds(duration))"
        case .requestRetried(let method, let path, let retry, let delay, let reason):
            "\(method) \(path): \(reason); retry \(retry) in \(milliseconds(delay))"
        case .tokenReloaded(let origin): "the token was refused, and another one was found in \(origin)"
        case .tokenExpiring(let end, _): "the token expires at \(end)"
        case .warning(let text): text
        }
    }

    private static func milliseconds(_ duration: Duration) -> String {
        "\(Int((duration / .milliseconds(1)).rounded(.up))) ms"
    }
}
