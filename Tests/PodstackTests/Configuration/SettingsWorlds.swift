#if canImport(PodstackTestSupport)
    import PodstackTestSupport
#endif

/// Generates random test cases of ``SettingsModel``; scripts/python compiles it too.
enum SettingsWorlds {
    /// Mostly missing or valid, so that in most worlds several sources compete; sometimes invalid in each way.
    static let tokens: [String?] =
        Array(repeating: nil, count: 14) + [
            "one", "two", " three\n", "four", "five", "six", "seven", "eight", "", " \t",
        ]
        + ["your_api_token_here", "ni ne", "t\u{7}en"]
    static let projects: [String?] =
        Array(repeating: nil, count: 8) + ["project-a", " project-b ", "project-c", "", " "]
    static let endpoints: [String?] =
        Array(repeating: nil, count: 10) + ["https://a.example", " https://b.example ", "https://c.example"]
        + ["http://d.example", ""]
    static let profiles: [String?] =
        Array(repeating: nil, count: 10) + ["default", "work", "work", "default", "bare", "gone", ""]

    static func world(_ generator: inout SeededGenerator) -> SettingsModel.World {
        func pick<Value>(_ values: [Value]) -> Value { values[Int.random(in: values.indices, using: &generator)] }
        var world = SettingsModel.World()
        world.argument.token = pick(tokens)
        world.argument.project = pick(projects)
        world.argument.endpoint = pick(endpoints)
        world.profileArgument = pick(profiles)
        let variables: [(String, String?)] = [
            ("PODSTACK_API_TOKEN", pick(tokens)), ("PODSTACK_PROJECT", pick(projects)),
            ("PODSTACK_API_ENDPOINT", pick(endpoints)), ("PODSTACK_PROFILE", pick(profiles)),
            ("PODSTACK_API_TOKEN_FILE", pick([nil, nil, nil, nil, nil, nil, nil, "file"])),
        ]
        for (name, value) in variables { world.variables[name] = value }
        world.tokenFile = pick([nil, "of_the_file\n", "of_the_file", "of_the_file\r\n", "", "of the file"])
        guard pick([true, true, true, false]) else { return world }
        var files: [String: [String: String]] = ["bare": ["project_id": "project-bare"]]
        for name in ["default", "work"] where pick([true, true, false]) {
            var profile: [String: String] = [:]
            // A value in the credentials file is one line.
            profile["api_token"] = pick(tokens.filter { $0?.contains("\n") != true })
            profile["project_id"] = pick(projects)
            profile["api_endpoint"] = pick(endpoints)
            profile["profile"] = pick(profiles)
            files[name] = profile
        }
        world.profiles = files
        world.isFileBroken = Int.random(in: 0..<12, using: &generator) == 0
        return world
    }
}
