import Podstack

extension Command {
    static let version = Command(words: ["version"], summary: "Show the version.") { invocation in
        try invocation.arguments.nothing()
        try invocation.write(["version": PodstackVersion.current]) { "podstack \(PodstackVersion.current)" }
        return .done
    }
}
