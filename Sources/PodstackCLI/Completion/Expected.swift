import Podstack

/// What an argument or the value of a flag can be, as far as a shell can complete it.
enum Expected: Sendable {
    case anything
    case words([String])
    case files
    /// Of the credentials file.
    case profiles
}

extension Scope {
    /// Those that a token can be given.
    static let expected = Expected.words(
        ["*"] + resources.flatMap { resource in (["*"] + actions).map { "\(resource):\($0)" } })
}
