import PodstackAPI

/// The pages `/help` and `/status`, which a client can see without signing in.
struct HelpPages: Sendable {
    private let services: Services

    init(_ services: Services) { self.services = services }

    @Sendable func help(_ exchange: PageExchange) throws -> Response {
        let url = exchange.serviceURL
        let setting = exchange.endpoint.map { "export PODSTACK_API_ENDPOINT=\($0)\n" } ?? ""
        return Document("Help", for: exchange) {
            Element("h2") { "Make your first call" }
            Card {
                Element("p") { "Sign in with the command line, which opens this service in the browser:" }
                CodeBlock(setting + "podstack auth login\npodstack auth whoami", id: "help-shell", name: "the commands")
                Element("p") { "A program finds the token that the command line has saved:" }
                Tabs(
                    "Language", name: "language",
                    [
                        Tabs.Tab("Swift") {
                            CodeBlock(
                                """
                                import Podstack

                                let client = try Client()
                                print(try await client.auth.whoami().email)
                                """, id: "help-swift", name: "the program")
                        },
                        Tabs.Tab("Python") {
                            CodeBlock(
                                """
                                from podstack import Client

                                client = Client()
                                print(client.auth.whoami().email)
                                """, id: "help-python", name: "the program")
                        },
                        Tabs.Tab("HTTP") {
                            CodeBlock(
                                "curl -H \"Authorization: Bearer $PODSTACK_API_TOKEN\" \(url)/v1/auth/whoami",
                                id: "help-http", name: "the command")
                        },
                    ])
            }
            Element("h2") { "Find out more" }
            Card {
                Element("ul") {
                    Element("li") {
                        Element("code") { "podstack --help" }
                        " lists the commands, and "
                        Element("code") { "podstack auth doctor" }
                        " finds out why a call fails."
                    }
                    Element("li") {
                        "Every request and response is in the "
                        Element("a", .href(Link("/v1/openapi.json"))) { "API description" }
                        " (OpenAPI)."
                    }
                    Element("li") {
                        "If an error has a request ID, the operator of this service can find the request with it."
                    }
                }
            }
        }.response()
    }

    /// Displays what a request can find out without a change: the database and the container engine.
    @Sendable func status(_ exchange: PageExchange) throws -> Response {
        let isReadable = (try? services.database.read { try $0.query("SELECT 1 AS one") }) != nil
        let engine = services.pods.link
        return Document("Status", for: exchange) {
            Element("dl", .class("card")) {
                Fact("Service") { Badge("works", .good) }
                Fact("Database") { isReadable ? Badge("works", .good) : Badge("does not respond", .bad) }
                Fact("Pods") {
                    if engine.engine == nil {
                        Badge("not offered by this service")
                    } else if engine.isStale {
                        Badge("the container engine does not respond", .bad)
                    } else {
                        Badge("work", .good)
                    }
                }
                Fact("Version") { services.version }
                Fact("Time") { TimeElement(exchange.now) }
            }
        }.response(status: isReadable ? 200 : 503)
    }
}
