import Podstack
import PodstackAPI

/// The functions that need no client, by name.
enum Functions {
    static let all: [String: @Sendable (Arguments) throws -> [UInt8]] = [
        "configuration": { arguments in
            try SettingsJSON.encode(
                ClientConfiguration(
                    apiToken: try arguments.string("api_token"), profile: try arguments.string("profile"),
                    projectID: try arguments.string("project_id"), apiEndpoint: try arguments.string("api_endpoint"),
                    environment: try ClientObject.options(arguments).environment))
        },
        "token.prefix": { arguments in
            try APICoding.encode(["prefix": APIToken(try arguments.required("token")).prefix])
        },
        "dotenv.load": { arguments in
            let warnings = Warnings()
            let file = try DotEnv.load(
                try arguments.string("path"), override: try arguments.flag("override"),
                trust: try arguments.flag("trust"), onEvent: { warnings.add($0) })
            guard let file else { return Array("null".utf8) }
            return try encode(file, warnings: warnings.all)
        },
        "dotenv.parse": { arguments in
            let environment = try ClientObject.options(arguments).environment
            let override = try arguments.flag("override")
            if let path = try arguments.string("path") {
                return try encode(DotEnv.read(path, environment: environment, override: override))
            }
            return try encode(
                DotEnv.parse(try arguments.required("text"), environment: environment, override: override))
        },
        "credentials_file.path": { arguments in
            try APICoding.encode(["path": CredentialsFile.path(try ClientObject.options(arguments).environment)])
        },
        "credentials_file.read": { arguments in
            let file = try CredentialsFile(path: try arguments.required("path"))
            var profiles: [JSONValue] = []
            for name in file.profileNames {
                var values: [String: JSONValue] = [:]
                for key in CredentialsFile.Key.allCases {
                    values[key.rawValue] = file.value(key, profile: name).map(JSONValue.string)
                }
                profiles.append(["name": .string(name), "values": .object(values)])
            }
            return try APICoding.encode(
                ["profiles": .array(profiles), "is_readable_by_others": .bool(file.isReadableByOthers)]
                    as [String: JSONValue])
        },
        "credentials_file.save": { arguments in
            var file = try CredentialsFile(path: try arguments.required("path"))
            for change in try arguments.objects("changes") {
                let profile = try change.required("profile")
                guard let name = try change.string("key") else {
                    try file.remove(profile: profile)
                    continue
                }
                guard let key = CredentialsFile.Key(rawValue: name) else {
                    throw InterfaceError.argument("key", "a key of a profile, such as api_token")
                }
                if let value = try change.string("value") {
                    try file.set(key, to: value, profile: profile)
                } else {
                    try file.remove(key, profile: profile)
                }
            }
            try file.save()
            return Array("null".utf8)
        },
    ]

    private static func encode(_ file: DotEnv, warnings: [String]? = nil) throws -> [UInt8] {
        let variables = file.variables.map { variable -> JSONValue in
            .array([.string(variable.name), variable.value.map(JSONValue.string) ?? .null, .integer(variable.line)])
        }
        return try APICoding.encode(
            [
                "path": file.path.map(JSONValue.string) ?? .null, "variables": .array(variables),
                "warnings": .array((warnings ?? file.warnings).map(JSONValue.string)),
            ] as [String: JSONValue])
    }
}
