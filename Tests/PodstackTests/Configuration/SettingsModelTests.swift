import PodstackTestSupport
import Testing

@testable import Podstack

@Suite("Settings compared with a second model of the precedence table", .blocking, .timeLimit(.minutes(5)))
struct SettingsModelTests {
    static func configuration(_ world: SettingsModel.World, _ folder: TemporaryDirectory) throws -> ClientConfiguration
    {
        var variables = world.variables
        variables["PODSTACK_CREDENTIALS_FILE"] = folder.file("gone")
        if let profiles = world.profiles {
            var text = profiles.map { name, values in
                "[\(name)]\n" + values.map { "\($0.key) = \($0.value)\n" }.joined()
            }.joined()
            if world.isFileBroken { text += "this is no line of a credentials file\n" }
            variables["PODSTACK_CREDENTIALS_FILE"] = try folder.write(text, to: "credentials")
        }
        if variables["PODSTACK_API_TOKEN_FILE"] != nil {
            variables["PODSTACK_API_TOKEN_FILE"] =
                try world.tokenFile.map { try folder.write($0, to: "token") } ?? folder.file("gone")
        }
        return try ClientConfiguration(
            apiToken: world.argument.token, profile: world.profileArgument, projectID: world.argument.project,
            apiEndpoint: world.argument.endpoint, environment: PodstackEnvironment(variables))
    }

    @Test("10,000 random worlds resolve as the table says", arguments: TestSeed.selected)
    func random(seed: UInt64) throws {
        var generator = SeededGenerator(seed: seed)
        let folder = try TemporaryDirectory()
        var resolved = 0
        for _ in 0..<5_000 {
            let world = SettingsWorlds.world(&generator)
            let expected = SettingsModel(world: world).settings()
            var found: SettingsModel.Settings?
            if let configuration = try? Self.configuration(world, folder), configuration.tokenError == nil,
                let token = configuration.apiToken
            {
                found = SettingsModel.Settings(
                    token: token.value.withSecret { $0 }, tokenKind: token.source.kind,
                    project: configuration.projectID?.value, projectKind: configuration.projectID?.source.kind,
                    endpoint: configuration.apiEndpoint.value.url,
                    endpointKind: configuration.apiEndpoint.source.kind)
                resolved += 1
            }
            #expect(found == expected, "seed \(seed): \(world)")
            if found != expected { return }
        }
        #expect(resolved > 800)
    }
}
