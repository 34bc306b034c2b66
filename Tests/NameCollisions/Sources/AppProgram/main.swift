import AppFramework
import Podstack

/// A type of the program itself, which hides the one of Podstack.
struct User {
    var name: String
}

struct AccountView: View {
    @Environment(\.locale) var locale
    @State var email = ""
    var source = Source()
    var setting = Setting()
    var settings = Settings()
    var configuration = Configuration()
    var endpoint = Endpoint()
    var shadow = Shadow()
    var page = Page()
    var variable = Variable()
    var answer = Answer()
    var body: Text { Text("\(locale) \(email)") }
}

let view = AccountView()
print(view.body.content, User(name: "local").name)
do {
    let client = try Client(environment: PodstackEnvironment(["PODSTACK_API_TOKEN": "token"]))
    let source: ClientConfiguration.Source = client.configuration.apiEndpoint.source
    let user: Podstack.User = try await client.auth.whoami()
    print("\(user.email) \(source.origin)")
} catch let error as any PodstackError {
    print(error.message, error.hint ?? "")
}
