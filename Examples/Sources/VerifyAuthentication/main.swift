import Podstack

do {
    let client = try Client()
    let user = try await client.auth.whoami()
    print("Authenticated as: \(user.email)")
} catch {
    print("Authentication failed: \(error)")
}
