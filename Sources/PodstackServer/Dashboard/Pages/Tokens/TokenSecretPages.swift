import PodstackAPI
import PodstackCryptography

/// Creating and rotating tokens: the responses to these two forms are the only ones that contain a secret.
extension TokenPages {
    /// The most projects that the form lists, newest first.
    private static let maximumProjects = 100

    // MARK: Creation

    @Sendable func new(_ exchange: PageExchange) throws -> Response {
        let session = try exchange.signedIn()
        guard try tokens.countActive(accountID: session.user.accountID, now: exchange.now) < tokens.maxActive else {
            return limitReached(exchange)
        }
        return try creationForm(TokenForm(), exchange)
    }

    @Sendable func create(_ exchange: PageExchange) throws -> Response {
        var form = TokenForm(exchange.form)
        do {
            let creation = try exchange.change(with: changes, requiring: .scope(.tokensCreate)) { change in
                try tokens.createOnce(form.id, in: change) {
                    try form.request(now: exchange.now)
                }
            }
            switch creation {
            case .created(let token, let secret): return try created(token, secret, exchange)
            case .repeated(let token): return alreadyCreated(token, exchange)
            case .invalidID:
                form.id = TokenForm().id
                return try creationForm(
                    form, exchange,
                    notice: "The token was not created because the form was incomplete. Check it and submit it again.")
            }
        } catch DomainError.invalid(let errors) {
            return try creationForm(form, exchange, FieldProblems(errors))
        } catch DomainError.quotaExceeded(let excess) {
            let notice =
                "Your account has reached its limit of \(counted(excess.limit, "active token")). Revoke one first."
            return try creationForm(form, exchange, notice: notice, status: 409)
        } catch DomainError.notFound(.project, _) {
            var problems = FieldProblems()
            problems.add("one of the selected projects no longer exists", to: "project_ids")
            return try creationForm(form, exchange, problems)
        }
    }

    private func creationForm(
        _ form: TokenForm, _ exchange: PageExchange, _ problems: FieldProblems = FieldProblems(),
        notice: String? = nil, status: Int = 422
    ) throws -> Response {
        let list = try projects.list(try exchange.signedIn().user.grant, PageRequest(limit: Self.maximumProjects))
        let isNew = notice == nil && problems.isEmpty
        return Document("Create a token", .tokens, under: TokenPages.parent, for: exchange) {
            if let notice {
                Notice(.problem, notice)
            } else if !problems.isEmpty {
                Notice(.problem, "The token was not created. Correct the fields below.")
            }
            TokenFormView(
                form: isNew ? form : form.revealingContradictions, problems: problems,
                projects: list.page.map(\.project),
                exchange: exchange)
            if list.next != nil {
                Element("p", .class("hint")) {
                    "The form lists your \(Self.maximumProjects) newest projects. To restrict a token to others, "
                    "create it with the command line."
                }
            }
        }.response(status: isNew ? 200 : status)
    }

    private func limitReached(_ exchange: PageExchange) -> Response {
        Document("Create a token", .tokens, under: TokenPages.parent, for: exchange) {
            Element("div", .class("card")) {
                Element("p") {
                    Element("strong") {
                        "Your account has reached its limit of \(counted(tokens.maxActive, "active token"))."
                    }
                }
                Element("p") {
                    "Revoke a token that you no longer need, and then create a new one. If you only need a new secret, "
                    "rotate a token instead: it keeps its name and its scopes."
                }
                Element("a", .class("button"), .href(Link("/account/tokens"))) { "View tokens" }
            }
        }.response()
    }

    private func created(_ token: TokenRecord, _ secret: String, _ exchange: PageExchange) throws -> Response {
        let names = try projects.names(userID: try exchange.signedIn().user.id)
        return Document("Token created", .tokens, under: TokenPages.parent, for: exchange) {
            Notice(.done, "The token “\(Isolated.text(token.name))” is created.")
            Element("p") {
                TokenSummary.sentence(for: token, names: names)
            }
            SecretCard(secret: secret, token: token)
            SecretInstructions(secret: secret, endpoint: exchange.endpoint)
        }.response()
    }

    private func alreadyCreated(_ token: TokenRecord, _ exchange: PageExchange) -> Response {
        Document("Token already created", .tokens, under: TokenPages.parent, for: exchange) {
            Element("div", .class("card")) {
                Element("p") {
                    "This form already created the token “\(Isolated.text(token.name))”, and its secret was shown once. No other "
                    "token was created."
                }
                Element("p") { "If you did not copy the secret, rotate the token to get a new one, or revoke it." }
                LostSecretActions(token: token)
            }
        }.response(status: 409)
    }

    // MARK: Rotation

    @Sendable func rotate(_ exchange: PageExchange) throws -> Response {
        let id = exchange.parameters[0]
        guard let grace = GracePeriod(rawValue: exchange.form["grace"]) else {
            var problems = FieldProblems()
            problems.add("choose how long the old secret keeps working", to: "grace_seconds")
            return try details(exchange, problems: problems, status: 422)
        }
        let request = try grace.request(tokenID: id)
        let (token, secret) = try exchange.change(with: changes, requiring: .scope(.tokensUpdate)) { change in
            let token = try tokens.find(id, accountID: try change.grant.accountID, in: change.connection)
            guard token.secretsFingerprint == exchange.form["secrets"] else { return (token, nil as String?) }
            return try tokens.rotate(id, request, in: change)
        }
        guard let secret else { return alreadyRotated(token, exchange) }
        return Document("New secret", .tokens, under: TokenPages.parent, for: exchange) {
            Notice(.done, "The token “\(Isolated.text(token.name))” has a new secret.")
            SecretCard(secret: secret, token: token)
            Element("h2") { "The old secret" }
            Element("p") { grace.consequence }
            Element("p") {
                "If the new secret is not used before "
                TimeElement(exchange.now + PendingSecret.lifetimeSeconds)
                ", it is discarded and the old secret keeps working."
            }
            SecretInstructions(secret: secret, endpoint: exchange.endpoint)
        }.response()
    }

    private func alreadyRotated(_ token: TokenRecord, _ exchange: PageExchange) -> Response {
        Document("Token already rotated", .tokens, under: TokenPages.parent, for: exchange) {
            Element("div", .class("card")) {
                Element("p") {
                    "The secret of “\(Isolated.text(token.name))” changed after this form was loaded. If you rotated the token, its "
                    "new secret was shown once. No other secret was created."
                }
                Element("p") { "If you did not copy the new secret, rotate the token again, or revoke it." }
                LostSecretActions(token: token)
            }
        }.response(status: 409)
    }
}

/// A grace period that the form offers: the time that the old secret keeps working after the first use of the new one.
private enum GracePeriod: String, CaseIterable {
    case none, hour, day, week

    private var seconds: Int {
        switch self {
        case .none: 0
        case .hour: 3600
        case .day: 86_400
        case .week: 7 * 86_400
        }
    }

    var label: String {
        switch self {
        case .none: "No grace period"
        case .hour: "1 hour"
        case .day: "1 day"
        case .week: "7 days"
        }
    }

    /// A sentence about the old secret.
    var consequence: String {
        self == .none
            ? "It works until the new secret is first used."
            : "It works for \(label) after the new secret is first used."
    }

    /// Returns the request to the domain.
    func request(tokenID: String) throws -> RotationRequest {
        try RotationRequest(RotationRequest.Values(graceSeconds: seconds), tokenID: tokenID)
    }
}

extension TokenRecord {
    /// A value that changes with every new secret and reveals nothing about the secrets.
    fileprivate var secretsFingerprint: String { Sodium.sha256(digest + (pending?.digest ?? [])).prefix(8).hexadecimal }
}

/// The form that rotates a token.
struct RotationForm: Component {
    let token: TokenRecord
    let problem: String?
    let exchange: PageExchange

    var body: some HTML {
        Element("h2") { "Rotate" }
        Element("form", .class("card"), .method("post"), .action(Link("/account/tokens", token.publicID, "rotate"))) {
            FormKeyField(exchange)
            VoidElement("input", .type("hidden"), .name("secrets"), .value(token.secretsFingerprint))
            Element("p") {
                "The token gets a new secret and keeps its name and its scopes. The old secret works until the new one "
                "is first used. If the new secret is not used within 24 hours, it is discarded."
            }
            ChoiceGroup("Grace period for the old secret after that", name: "grace", problem: problem) {
                for grace in GracePeriod.allCases {
                    Choice(
                        .radio, grace.label, name: "grace", value: grace.rawValue, isChosen: grace == .hour,
                        .flag("required"))
                }
            }
            if token.pending.map({ !$0.hasLapsed(at: exchange.now) }) ?? false {
                Element("p") { "This replaces the new secret that has not been used yet." }
            }
            Element("button", .type("submit")) { "Rotate" }
        }
    }
}

// MARK: - Components

/// A secret with a button that copies it, and links to the next pages.
private struct SecretCard: Component {
    let secret: String
    let token: TokenRecord

    var body: some HTML {
        Card {
            Element("p", .id("once")) {
                Element("strong") { "Copy the token now." }
                " For security, it is shown only once."
            }
            Element("div", .class("secret")) {
                Element("code", .id("token"), .flag("data-once")) { secret }
                // The script shows the button and moves the keyboard focus to it.
                Element(
                    "button", .type("button"), .data("data-copy", "token"), .aria("aria-describedby", "once"),
                    .flag("hidden")
                ) { "Copy" }
            }
            Element("p", .class("buttons")) {
                LinkButton("Done", .quiet, to: Link("/account/tokens", token.publicID))
            }
        }
    }
}

/// Links for a viewer who did not copy a secret.
private struct LostSecretActions: Component {
    let token: TokenRecord

    var body: some HTML {
        Element("p", .class("buttons")) {
            LinkButton("Rotate token", to: Link("/account/tokens", token.publicID))
            LinkButton("Revoke token", .quietDanger, to: Link("/account/tokens", token.publicID, "revoke"))
            LinkButton("All tokens", .quiet, to: Link("/account/tokens"))
        }
    }
}

/// Instructions for using a secret: with the command line, a file, Swift, Python and continuous integration.
private struct SecretInstructions: Component {
    let secret: String
    /// The endpoint that clients have to set; nil if it is the default.
    let endpoint: String?

    var body: some HTML {
        Element("h2") { "Use the token" }
        Card {
            Tabs(
                "Where to use the token", name: "use",
                [
                    Tabs.Tab("Shell") {
                        Element("p") { "The command line asks for the token, checks it and saves it:" }
                        CodeBlock("\(prefix)podstack auth login", id: "use-login", name: "the command")
                        Element("p") {
                            "Or set it for this shell only. The command reads the token without saving it in the history:"
                        }
                        CodeBlock(
                            "read -rs PODSTACK_API_TOKEN && export PODSTACK_API_TOKEN"
                                + (endpoint.map { "\nexport PODSTACK_API_ENDPOINT=\($0)" } ?? ""),
                            id: "use-shell", name: "the commands")
                    },
                    Tabs.Tab("File") {
                        Element("p") {
                            "Add these lines to the file "
                            Element("code") { "~/.podstack/credentials" }
                            ":"
                        }
                        CodeBlock(
                            "[default]\napi_token = \(secret)" + (endpoint.map { "\napi_endpoint = \($0)" } ?? ""),
                            id: "use-file", name: "the lines", isShownOnce: true)
                        Element("p") { "Then make sure that only you can read it:" }
                        CodeBlock("chmod 600 ~/.podstack/credentials", id: "use-mode", name: "the command")
                    },
                    Tabs.Tab("Swift") {
                        Element("p") { "The client finds the token in the file or in the environment:" }
                        CodeBlock(
                            """
                            import Podstack

                            let client = try Client()
                            let user = try await client.auth.whoami()
                            print("Authenticated as: \\(user.email)")
                            """, id: "use-swift", name: "the program")
                    },
                    Tabs.Tab("Python") {
                        Element("p") { "The client finds the token in the file or in the environment:" }
                        CodeBlock(
                            """
                            from podstack import Client

                            client = Client()
                            user = client.auth.whoami()
                            print(f"Authenticated as: {user.email}")
                            """, id: "use-python", name: "the program")
                    },
                    Tabs.Tab("CI") {
                        Element("p") {
                            "Save the token as a secret with the name "
                            Element("code") { "PODSTACK_API_TOKEN" }
                            " in the settings of your CI. In GitHub Actions, a step reads it like this:"
                        }
                        CodeBlock(
                            """
                            - run: podstack auth whoami
                              env:
                                PODSTACK_API_TOKEN: ${{ secrets.PODSTACK_API_TOKEN }}
                            """ + (endpoint.map { "\n    PODSTACK_API_ENDPOINT: \($0)" } ?? ""),
                            id: "use-ci", name: "the step")
                    },
                ])
        }
    }

    private var prefix: String { endpoint.map { "PODSTACK_API_ENDPOINT=\($0) " } ?? "" }
}
