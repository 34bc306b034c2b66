import Podstack

/// The snippets of the guide's main page.
///
/// The guide contains the text between the marks exactly.
enum Authentication {
    @Sendable static func overview() async throws {
        // snippet
        let client = try Client()
        let user = try await client.auth.whoami()
        print("Authenticated as: \(user.email)")
        // end
    }

    @Sendable static func create() async throws {
        let client = try Client()
        func store(_ text: String) throws { print(text.utf8.count) }
        // snippet
        let (token, secret) = try await client.tokens.create(
            name: "CI", expiresIn: .days(.seven), scopes: [.projectsRead, .pods(.create)])
        print("Created \(token.prefix)")
        try secret.withSecret { text in try store(text) }
        // end
    }

    @Sendable static func device() async throws {
        // snippet
        let login = try DeviceLogin()
        let request = try await login.begin(clientName: "training on host-7", scopes: [.projectsRead])
        print("Open \(request.verificationURIComplete) and check that it shows \(request.userCode)")
        let (token, secret) = try await request.token()
        // end
        let client = try secret.withSecret { try Client(apiToken: $0) }
        print("\(token.name): \(try await client.auth.whoami().email)")
    }

    @Sendable static func environment() async throws {
        // snippet
        let client = try Client()  // reads PODSTACK_API_TOKEN
        // end
        print(try await client.auth.whoami().email)
    }

    @Sendable static func direct() async throws {
        // snippet
        let client = try Client(apiToken: "your_api_token_here")
        // end
        print(client.configuration)
    }

    @Sendable static func profiles() async throws {
        // snippet
        let client = try Client()  // the default profile
        let production = try Client(profile: "production")
        // end
        print(try await client.auth.whoami().email, try await production.auth.whoami().email)
    }

    @Sendable static func configuration() async throws {
        let client = try Client()
        // snippet
        print(client.configuration)
        // end
    }

    @Sendable static func project() async throws {
        // snippet
        let client = try Client(projectID: "my-project-id")  // or PODSTACK_PROJECT
        // end
        print(client.configuration.projectID?.value ?? "")
    }

    @Sendable static func endpoint() async throws {
        // snippet
        let client = try Client(
            apiToken: "your_token",
            apiEndpoint: "https://api.custom.podstack.ai"
        )
        // end
        print(client.configuration.apiEndpoint.value)
    }

    @Sendable static func verify() async throws {
        // snippet
        do {
            let client = try Client()
            let user = try await client.auth.whoami()
            print("Authenticated as: \(user.email)")
        } catch {
            print("Authentication failed: \(error)")
        }
        // end
    }

    @Sendable static func rotate() async throws {
        let client = try Client()
        // snippet
        try await client.auth.rotate(grace: .seconds(3600))
        // end
        print(try await client.auth.whoami().token?.generation ?? 0)
    }

    @Sendable static func can() async throws {
        let client = try Client()
        // snippet
        let permission = try await client.auth.can(.projectsCreate)
        if !permission.allowed { print(permission.missing.map(\.message)) }
        // end
    }

    @Sendable static func revoke() async throws {
        let client = try Client()
        let (token, _) = try await client.tokens.create(name: "never used")
        // snippet
        for try await token in client.tokens.list() where token.lastUsedAt == nil {
            try await client.tokens.revoke(token.id)
        }
        // end
        print(try await client.tokens.get(token.id).status ?? "")
    }

    @Sendable static func dotEnv() async throws {
        // snippet
        try DotEnv.load()
        let client = try Client()
        // end
        print(try await client.auth.whoami().email)
    }

    @Sendable static func firstResource() async throws {
        let client = try Client()
        // snippet
        let project = try await client.projects.create(name: "training")
        // end
        print(project.name)
    }
}
