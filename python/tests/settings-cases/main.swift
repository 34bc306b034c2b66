// Prints random cases of the settings model of the Swift tests as JSON, one a line.
//
// tests/test_settings.py compiles this file with SettingsModel.swift, SettingsWorlds.swift and TestSeed.swift.

func quoted(_ text: String?) -> String {
    guard let text else { return "null" }
    return "\""
        + text.unicodeScalars.map { scalar in
            switch scalar {
            case "\"": "\\\""
            case "\\": "\\\\"
            case _ where scalar.value < 0x20:
                "\\u00" + (scalar.value < 0x10 ? "0" : "") + String(scalar.value, radix: 16)
            default: String(scalar)
            }
        }.joined() + "\""
}

func object(_ fields: [(String, String)]) -> String {
    "{" + fields.map { quoted($0.0) + ":" + $0.1 }.joined(separator: ",") + "}"
}

func object(_ values: [String: String]) -> String {
    object(values.sorted { $0.key < $1.key }.map { ($0.key, quoted($0.value)) })
}

let count = CommandLine.arguments.dropFirst().first.flatMap { Int($0) } ?? 10_000
var generator = TestSeed.generator(of: "settings-cases")
for _ in 0..<count {
    let world = SettingsWorlds.world(&generator)
    let profiles = world.profiles.map { profiles in
        object(profiles.sorted { $0.key < $1.key }.map { ($0.key, object($0.value)) })
    }
    let expected = SettingsModel(world: world).settings().map { settings in
        object([
            ("token", quoted(settings.token)), ("token_kind", quoted(settings.tokenKind)),
            ("project", quoted(settings.project)), ("project_kind", quoted(settings.projectKind)),
            ("endpoint", quoted(settings.endpoint)), ("endpoint_kind", quoted(settings.endpointKind)),
        ])
    }
    print(
        object([
            ("api_token", quoted(world.argument.token)), ("project_id", quoted(world.argument.project)),
            ("api_endpoint", quoted(world.argument.endpoint)), ("profile", quoted(world.profileArgument)),
            ("variables", object(world.variables)), ("profiles", profiles ?? "null"),
            ("is_file_broken", world.isFileBroken ? "true" : "false"), ("token_file", quoted(world.tokenFile)),
            ("expected", expected ?? "null"),
        ]))
}
