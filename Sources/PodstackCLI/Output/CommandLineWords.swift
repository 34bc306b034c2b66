import Podstack

extension ClientConfiguration.Source {
    /// Where a setting came from: on the command line what the SDK calls an argument is a flag.
    var onCommandLine: String {
        let flags = [
            "apiToken:": "--token", "profile:": "--profile", "projectID:": "--project",
            "apiEndpoint:": "--api-endpoint",
        ]
        if case .argument(let name) = self { return flags[name] ?? name }
        return origin
    }
}

extension Wording {
    var onCommandLine: String { text(isProgramming: false) { $0.onCommandLine } }
}
