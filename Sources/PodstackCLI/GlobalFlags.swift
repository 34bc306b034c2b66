/// The flags that every command takes.
enum GlobalFlags {
    static let all: [Arguments.Flag] = [
        .init(name: "profile", value: "P", summary: "use this profile of the credentials file", takes: .profiles),
        .init(name: "token", value: "T", summary: "use this token; - reads it from standard input"),
        .init(name: "token-file", value: "F", summary: "use the token in this file", takes: .files),
        .init(name: "project", value: "ID", summary: "the project of the operation"),
        .init(name: "api-endpoint", value: "URL", summary: "the service to talk to"),
        .init(name: "env-file", value: "F", summary: "set the variables of this .env file first", takes: .files),
        .init(
            name: "output", short: "o", value: "FORMAT", summary: "table, wide, json or yaml",
            takes: .words(OutputFormat.allCases.map(\.rawValue))),
        .init(name: "quiet", short: "q", summary: "say only what was asked for"),
        .init(name: "yes", short: "y", summary: "do not ask for confirmation"),
        .init(name: "debug", summary: "show each request on standard error"),
        .init(name: "no-color", summary: "no colours (there are none so far)"),
        .init(name: "help", short: "h", summary: "show help"),
        .init(name: "version", summary: "show the version"),
    ]
}
