import Podstack

extension Command {
    static let configExplain = Command(
        words: ["config", "explain"], summary: "Show every setting, where it comes from, and what it hides."
    ) { invocation in
        try invocation.arguments.nothing()
        let configuration = try invocation.configuration()
        try invocation.write(SettingsReport(configuration)) { SettingsReport.text(configuration) }
        for warning in configuration.warnings { invocation.warn(warning) }
        guard let error = configuration.tokenError else { return .done }
        ErrorReport(error).write(to: invocation.context.standardError, format: invocation.format)
        return .notAuthenticated
    }
}
