import Podstack
import PodstackTestSupport
import Testing

@Suite("Resolution", .timeLimit(.minutes(2)))
struct ResolutionTests {
    let home: TemporaryDirectory

    init() throws {
        home = try TemporaryDirectory()
        _ = try home.write(
            """
            [default]
            api_token = default_token
            project_id = default-project

            [production]
            api_token = production_token
            api_endpoint = https://prod.example.com
            """, to: "credentials")
    }

    func environment(_ more: [String: String] = [:]) -> PodstackEnvironment {
        PodstackEnvironment(["PODSTACK_CREDENTIALS_FILE": home.file("credentials")].merging(more) { $1 })
    }

    func secret(_ configuration: ClientConfiguration) -> String? {
        configuration.apiToken?.value.withSecret { $0 }
    }

    @Test("the token comes from the argument, the profile, the variable, then the default profile")
    func tokenOrder() throws {
        let variable = environment(["PODSTACK_API_TOKEN": "variable_token"])
        #expect(
            secret(try ClientConfiguration(apiToken: "argument", profile: "production", environment: variable))
                == "argument")
        #expect(secret(try ClientConfiguration(profile: "production", environment: variable)) == "production_token")
        #expect(secret(try ClientConfiguration(environment: variable)) == "variable_token")
        #expect(secret(try ClientConfiguration(environment: environment())) == "default_token")
        #expect(
            secret(try ClientConfiguration(environment: environment(["PODSTACK_PROFILE": "production"])))
                == "production_token")
    }

    @Test("a variable that is empty or only whitespace counts as not set")
    func emptyVariable() throws {
        #expect(
            secret(try ClientConfiguration(environment: environment(["PODSTACK_API_TOKEN": " \n"]))) == "default_token")
    }

    @Test("the settings of two accounts never mix")
    func noMixing() throws {
        let configuration = try ClientConfiguration(environment: environment(["PODSTACK_API_TOKEN": "variable_token"]))
        #expect(configuration.projectID == nil)
        #expect(try ClientConfiguration(environment: environment()).projectID?.value == "default-project")
    }

    @Test("each setting records its source and the sources that it shadows")
    func provenance() throws {
        let configuration = try ClientConfiguration(environment: environment(["PODSTACK_API_TOKEN": "variable_token"]))
        #expect(configuration.apiToken?.source == .environment("PODSTACK_API_TOKEN"))
        #expect(
            configuration.apiToken?.shadows.map(\.source)
                == [.profile("default", path: home.file("credentials"), line: 2)])
        #expect(configuration.apiEndpoint.source == .default)
        #expect(!"\(configuration)".contains("variable_token"))
    }

    @Test("without a token, the error lists the places that were searched")
    func noToken() throws {
        let nowhere = PodstackEnvironment(["HOME": home.file("nobody"), "PODSTACK_API_KEY": "x"])
        let error = try #require(throws: AuthenticationError.self) { try Client(environment: nowhere) }
        #expect(error.message.hasPrefix("No API token provided"))
        #expect(error.message.contains("PODSTACK_API_TOKEN"))
        #expect(error.message.contains(home.file("nobody") + "/.podstack/credentials"))
        #expect(error.hint?.contains("PODSTACK_API_KEY") == true)
    }

    @Test("the error for a missing profile suggests an existing one")
    func missingProfile() throws {
        let error = try #require(throws: AuthenticationError.self) {
            try Client(profile: "Default", environment: environment())
        }
        #expect(error.message.contains("did you mean \"default\"?"))
    }

    @Test("the error for a profile without a token lists the other profiles")
    func profileWithoutToken() throws {
        let path = try home.write("[a]\napi_token = a\n[bare]\nproject_id = x\n[b]\napi_token = b\n", to: "three")
        let environment = ["PODSTACK_CREDENTIALS_FILE": path]
        let expected =
            "No API token provided: profile \"bare\" has no api_token in \(path); existing profiles: a, b"
        let passed = try #require(throws: AuthenticationError.self) {
            try Client(profile: "bare", environment: PodstackEnvironment(environment))
        }
        #expect(passed.message == expected)
        let ambient = try #require(throws: AuthenticationError.self) {
            try Client(environment: PodstackEnvironment(environment.merging(["PODSTACK_PROFILE": "bare"]) { $1 }))
        }
        #expect(ambient.message == expected)
    }

    @Test("a named profile shadows other profiles and the environment, each with its reason")
    func reasons() throws {
        let path = try home.write(
            "[default]\ncredential_process = x\n[work]\napi_token = a\ncredential_process = y\n", to: "reasons")
        let settings = ["PODSTACK_CREDENTIALS_FILE": path, "PODSTACK_API_TOKEN": "b"]
        let token = try ClientConfiguration(profile: "work", environment: PodstackEnvironment(settings)).apiToken
        #expect(
            token?.shadows.map(\.reason) == [
                "a written token takes precedence over a command",
                "a profile named by the program takes precedence over the environment",
                "the program names another profile",
            ])
    }

    @Test("another client's variable for the project gives a warning when no project is set")
    func misnamedProject() throws {
        let warning = ["PODSTACK_PROJECT_ID is set, but the variable that is read is PODSTACK_PROJECT"]
        let published = ["PODSTACK_PROJECT_ID": "p", "PODSTACK_API_TOKEN": "t"]
        #expect(try ClientConfiguration(environment: PodstackEnvironment(published)).warnings == warning)
        let both = published.merging(["PODSTACK_PROJECT": "q"]) { $1 }
        #expect(try ClientConfiguration(environment: PodstackEnvironment(both)).warnings == [])
        #expect(try ClientConfiguration(projectID: "q", environment: PodstackEnvironment(published)).warnings == [])
    }

    @Test("an empty argument is an error and never falls through to the next source")
    func emptyArguments() {
        #expect(throws: AuthenticationError.self) { try Client(apiToken: " ", environment: environment()) }
        #expect(throws: ConfigurationError.self) { try Client(profile: "", environment: environment()) }
        #expect(throws: ConfigurationError.self) { try Client(projectID: "", environment: environment()) }
        #expect(throws: ConfigurationError.self) { try Client(apiEndpoint: "", environment: environment()) }
    }

    @Test("a value that cannot be a token is rejected, and the message names the source but not the value")
    func unusableTokens() throws {
        for value in ["se cret", "se\u{7}cret", "sécret", "your_api_token_here"] {
            let error = try #require(throws: AuthenticationError.self) {
                try Client(environment: environment(["PODSTACK_API_TOKEN": value]))
            }
            #expect(error.message.hasPrefix("Invalid API token: PODSTACK_API_TOKEN"))
            #expect(!error.message.contains(value))
        }
    }

    @Test("the environment's provider tries the variables in the order of resolution")
    func environmentProvider() async throws {
        let path = try home.write("of_the_file\n", to: "secret")
        let both = EnvironmentCredentials.environment(
            PodstackEnvironment(["PODSTACK_API_TOKEN": "of_the_variable", "PODSTACK_API_TOKEN_FILE": path]))
        #expect(try await both.credential(insteadOf: nil).token == APIToken("of_the_variable"))
        #expect(both.source == .environment("PODSTACK_API_TOKEN"))
        let file = EnvironmentCredentials.environment(PodstackEnvironment(["PODSTACK_API_TOKEN_FILE": path]))
        #expect(try await file.credential(insteadOf: nil).token == APIToken("of_the_file"))
        #expect(file.source == .environment("PODSTACK_API_TOKEN_FILE"))
        let error = await #expect(throws: AuthenticationError.self) {
            try await EnvironmentCredentials.environment(PodstackEnvironment([:])).credential(insteadOf: nil)
        }
        #expect(error?.message == "No API token provided: looked in PODSTACK_API_TOKEN, PODSTACK_API_TOKEN_FILE")
    }

    @Test("an invalid credentials file stops resolution with the number of the line")
    func brokenFile() throws {
        let path = try home.write("[default]\napi_token = a\napi_token = b\n", to: "broken")
        let error = try #require(throws: ConfigurationError.self) {
            try Client(environment: PodstackEnvironment(["PODSTACK_CREDENTIALS_FILE": path]))
        }
        #expect(error.message == "\(path):3: duplicate key; the first is on line 2")
    }

    @Test("a mounted secret is read from the file that PODSTACK_API_TOKEN_FILE names")
    func tokenFile() throws {
        let path = try home.write("mounted_token\n", to: "secret")
        #expect(
            secret(try ClientConfiguration(environment: environment(["PODSTACK_API_TOKEN_FILE": path])))
                == "mounted_token")
        #expect(throws: ConfigurationError.self) {
            try Client(environment: environment(["PODSTACK_API_TOKEN_FILE": home.file("gone")]))
        }
    }
}
