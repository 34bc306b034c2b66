import PodstackAPI

/// A secret, in the only page that ever holds it, and the ways on from there.
struct ShownSecret: Component {
    let secret: String
    let token: TokenRecord

    var body: some HTML {
        Element("div", .class("card")) {
            Element("p", .id("once")) {
                Element("strong") { "Copy it now." }
                " It is shown this once, and nobody can look it up again."
            }
            Element("div", .class("secret")) {
                Element("code", .id("token"), .flag("data-once")) { secret }
                // Where there are scripts it has the keyboard at once.
                Element(
                    "button", .type("button"), .data("data-copy", "token"), .aria("aria-describedby", "once"),
                    .flag("hidden")
                ) { "Copy" }
            }
            Element("p", .class("hint"), .id("copied"), .role("status")) {}
            AfterSecret(token: token)
        }
    }
}

/// What to do with a secret that was copied.
struct SecretUses: Component {
    /// Where the service is.
    let origin: String

    var body: some HTML {
        Element("h2") { "What to do with it" }
        Element("p") { "With the command line, which asks for the token, checks it, and stores it for you alone:" }
        Snippet("\(endpoint.map { "PODSTACK_API_ENDPOINT=\($0) " } ?? "")podstack auth login")
        Element("p") {
            "Or put it into the file "
            Element("code") { "~/.podstack/credentials" }
            " yourself, and keep others from reading it:"
        }
        Snippet("[default]\napi_token = your_api_token_here\(endpoint.map { "\napi_endpoint = \($0)" } ?? "")")
        Snippet("chmod 600 ~/.podstack/credentials")
        Element("p") {
            "Or into the environment of this shell. It asks, so that the token is not in the history of commands:"
        }
        Snippet(
            "read -rs PODSTACK_API_TOKEN && export PODSTACK_API_TOKEN"
                + (endpoint.map { "\nexport PODSTACK_API_ENDPOINT=\($0)" } ?? ""))
        Element("p") { "Swift finds it in either place:" }
        Snippet(
            """
            import Podstack

            let client = try Client()
            let user = try await client.auth.whoami()
            print("Authenticated as: \\(user.email)")
            """)
    }

    /// Nil when clients go there without being told.
    private var endpoint: String? { origin == "https://api.podstack.ai" ? nil : origin }
}

private struct Snippet: Component {
    private let text: String
    init(_ text: String) { self.text = text }
    var body: some HTML { Element("pre", .class("wrapped")) { Element("code") { text } } }
}
