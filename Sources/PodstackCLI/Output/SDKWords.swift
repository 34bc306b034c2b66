/// What the SDK calls by the names of its parameters, by those of the flags.
enum SDKWords {
    private static let flags = [
        ("apiToken:", "--token"), ("projectID:", "--project"), ("profile:", "--profile"),
        (" (on the command line --api-endpoint), or load the file with trust: true", ""),
        (", or load the file with trust: true", ""), ("apiEndpoint:", "--api-endpoint"),
    ]

    static func translated(_ text: String) -> String {
        flags.reduce(text) { text, flag in
            text.split(separator: flag.0, omittingEmptySubsequences: false).joined(separator: flag.1)
        }
    }
}
