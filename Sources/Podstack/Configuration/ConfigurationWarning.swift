import Synchronization

/// Something about the settings that works but should be changed.
enum ConfigurationWarning: Sendable, Hashable {
    case openToOthers(String, rights: String)
    case profileIgnored(because: ClientConfiguration.Source)
    case dotEnvInParent(String)
    case misnamed(String, isRead: String)

    var text: String {
        switch self {
        case .openToOthers(let path, let rights):
            "others can \(rights) \(path); \"podstack config check --fix\" or chmod 600 keeps it to you"
        case .profileIgnored(let source):
            "PODSTACK_PROFILE is ignored, since the token of \(source.origin) comes before it"
        case .dotEnvInParent(let path): "the token comes from \(path), which is not in the working directory"
        case .misnamed(let name, let read): "\(name) is set, but the variable that is read is \(read)"
        }
    }

    private static let told = Mutex<Set<ConfigurationWarning>>([])

    /// Whether to tell it: about the mode of a file once a process.
    var isDue: Bool {
        guard case .openToOthers = self else { return true }
        return Self.told.withLock { $0.insert(self).inserted }
    }
}
