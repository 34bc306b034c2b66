import Podstack
import ServerFramework

/// Types of the program itself, as most programs have them; they hide the ones of Podstack.
struct Token {
    var value: String
}

struct Project {
    var title: String
}

struct NoNetwork: ServerFramework.Client {
    func get(_ url: String) async throws -> Response { Response(status: 503) }
}

let application = Application(.development)
application.get("projects") { request in Response(status: request.path.isEmpty ? 404 : 200) }
let page = Page(items: [Project(title: "local")])
print(Environment.get("HOME") ?? "", page.items.map(\.title), Token(value: "local").value)
let others: [Any] = [
    PageRequest(), Configuration(), ConfigReader(), ConfigKey(), Setting(), Source(), Endpoint(), EnvironmentVariable(),
    Router(), Route(), Middleware(), Session(), Cookie(), HTTPError(), Abort(), ValidationsError(), Model(), Field(),
    Database(), Migration(),
]
print(others.count, try await NoNetwork().get("/").status)

var options = ClientOptions()
options.environment = PodstackEnvironment(["PODSTACK_API_TOKEN": "token"])
options.retry = .none
options.timeout = .seconds(1)
do {
    let client = try PodstackClient(apiEndpoint: "http://127.0.0.1:1", options: options)
    let first = try await client.projects.list().page(limit: 10)
    let names: [Podstack.Project] = first.elements
    print(names.map(\.name))
} catch let error as NetworkError {
    print(error.message)
}
