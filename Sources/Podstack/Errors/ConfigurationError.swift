/// A setting is there but cannot be used: a broken file, an endpoint that must not get the token.
public struct ConfigurationError: PodstackError, Equatable {
    public var message: String
    public var hint: String?
    /// Whether it is about what the program passed, not about a file or the environment.
    public var isAboutArgument = false
}
