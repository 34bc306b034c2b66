/// A setting is there but cannot be used: a broken file, an endpoint that must not get the token.
public struct ConfigurationError: PodstackError, Equatable {
    package var wording: Wording
    package var hintWording: Wording?
    /// Where the setting came from that it is about; nil when it is about something else, such as a file.
    public var source: ClientConfiguration.Source?

    init(message: Wording, hint: Wording? = nil, about source: ClientConfiguration.Source? = nil) {
        wording = message
        hintWording = hint
        self.source = source
    }

    public var message: String {
        get { wording.text }
        set { wording = Wording(newValue) }
    }

    public var hint: String? {
        get { hintWording?.text }
        set { hintWording = newValue.map { Wording($0) } }
    }

    /// Whether it is about what the program passed, not about a file or the environment.
    public var isAboutArgument: Bool { source?.kind == "argument" }
}
