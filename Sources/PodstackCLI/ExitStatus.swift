import Podstack

/// What the process ends with; scripts rely on it.
public enum ExitStatus: Int32, Sendable {
    case done = 0
    case failure = 1
    case usage = 2
    case notAuthenticated = 3
    case notAllowed = 4
    case notFound = 5
    case unreachable = 6

    init(for error: any Error) {
        self =
            switch error {
            case is UsageError: .usage
            case let error as CommandError: error.status
            case let error as ConfigurationError where error.isAboutArgument: .usage
            case is AuthenticationError: .notAuthenticated
            case is PermissionError: .notAllowed
            case is ResourceNotFoundError: .notFound
            case is NetworkError, is ServerError: .unreachable
            default: .failure
            }
    }
}

/// The command line is not one that the tool understands.
struct UsageError: Error {
    var message: String
    var hint: String?

    init(_ message: String, hint: String? = nil) {
        self.message = message
        self.hint = hint
    }
}

/// A command could not do what it was asked, for a reason of its own.
struct CommandError: Error {
    var message: String
    var hint: String?
    var status = ExitStatus.failure
}
