import Podstack

/// The snippets about profiles and `.env` files.
enum Files {
    @Sendable static func profile() async throws {
        // snippet
        let production = try Client(profile: "production")
        // end
        print(production.configuration.profile?.value ?? "")
    }

    @Sendable static func save() async throws {
        let newToken = "new_token"
        // snippet
        var file = try CredentialsFile(path: CredentialsFile.path())
        try file.set(.apiToken, to: newToken, profile: "production")
        try file.save()
        // end
        print(file.profileNames)
    }

    @Sendable static func vault() async throws {
        print(try await vaultClient().auth.whoami().email)
    }

    @Sendable static func parse() async throws {
        // snippet
        let file = try DotEnv.parse("NAME=value\nGREETING=\"hello ${NAME}\"")
        print(file["GREETING"] ?? "")
        // end
    }

    @Sendable static func trust() async throws {
        // snippet
        try DotEnv.load("deploy.env", trust: true)
        // end
        print(try Client().configuration.apiEndpoint.value)
    }
}

/// Returns the secret of the guide's vault, which the tests put into the environment.
private func readSecret(_ name: String) async throws -> String {
    PodstackEnvironment.process["VAULT_SECRET"] ?? ""
}

// snippet
struct Vault: CredentialProvider {
    func credential(insteadOf refused: APIToken?) async throws -> Credential {
        Credential(APIToken(try await readSecret("podstack")))
    }
}

func vaultClient() throws -> Client {
    try Client(credentials: Vault())
}
// end
