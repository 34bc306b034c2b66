import PodstackAPI
import PodstackTestSupport

@testable import PodstackServer

extension PageTour {
    func visitTokens() throws {
        try browser.follow("Create Token")
        try look("token-new", "Create a token")
        try browser.choose("Custom")
        try browser.choose("On a date")
        try look("token-new-custom", "Create a token")
        // The browser accepts a name of spaces; the service does not.
        try browser.fill("Name", "  ")
        try browser.press("Create token")
        try look("token-new-wrong", "Create a token", status: 422)
        try open("/account/tokens/new")
        try browser.fill("Name", "Training cluster, nightly")
        try browser.press("Create token")
        try look("token-created", "Token created")
        try browser.reload()
        try look("token-created-already", "Token already created", status: 409)

        let own = try server.createToken(Self.email, name: "Terraform", expiresAt: clock.now + 200 * 86_400)
        let project = try call("POST", "/v1/projects", ["name": "Speech recognition"], token: own)
        let id = project["id"]?.stringValue ?? ""
        try make("Laptop", ["expires_in_days": 180, "scopes": .array(["projects:read", "pods:*"])], with: own)
        try make(
            "CI of speech-recognition",
            ["expires_in_days": 90, "scopes": .array(["pods:*"]), "project_ids": .array([.string(id)])], with: own)
        try pass(days: 24)
        try call("GET", "/v1/projects", token: own)
        try make("Given away by mistake", ["expires_in_days": 7], with: own, revoked: true)
        try make("A short one", ["expires_in_days": 7], with: own)
        try open("/account/tokens")
        try look("tokens", "API Tokens")
        try browser.follow("Create Token")
        try look("token-new-full", "Create a token")
        try pass(days: 70)
        try call("GET", "/v1/tokens", token: own)
        try open("/account/tokens")
        try look("tokens-later", "API Tokens")
    }

    private func make(
        _ name: String, _ fields: [String: JSONValue], with token: String, revoked: Bool = false
    ) throws {
        // Gives each token its own position in the list.
        clock.set(clock.now + 60)
        let created = try call(
            "POST", "/v1/tokens", fields.merging(["name": .string(name)]) { $1 }, token: token)
        guard revoked, let secret = created["token"]?.stringValue else { return }
        try call("DELETE", "/v1/tokens/self", token: secret)
    }

    func visitTokenDetails() throws {
        try browser.follow("Terraform")
        try look("token", "Terraform")
        try browser.fill("Name", String(repeating: "long ", count: 60))
        try browser.leave { try browser.find("form[action$='/name'] button").click() }
        try look("token-wrong-name", "Terraform", status: 422)
        try browser.fill("Name", "Terraform of production")
        try browser.leave { try browser.find("form[action$='/name'] button").click() }
        try look("token-renamed", "Terraform of production")
        let long = String(repeating: "terraform-of-production-", count: 4)
        try browser.fill("Name", long)
        try browser.leave { try browser.find("form[action$='/name'] button").click() }
        try look("token-long-name", long)
        try open("/account/tokens")
        try look("tokens-long-name", "API Tokens")
        try browser.follow(long)
        try browser.fill("Name", "Terraform of production")
        try browser.leave { try browser.find("form[action$='/name'] button").click() }
        try browser.press("Keep only these scopes")
        try look("token-fewer-scopes", "Terraform of production")
        try browser.press("Rotate")
        try look("token-rotated", "New secret")
        try browser.reload()
        try look("token-rotated-already", "Token already rotated", status: 409)
        try browser.follow("All tokens")
        try look("tokens-done", "API Tokens")
        try browser.follow("Laptop")
        try browser.follow("Revoke token…")
        try look("token-revoke", "Revoke “Laptop”?")
        try browser.press("Revoke token")
        try look("tokens-revoked", "API Tokens")
        try browser.follow("Given away by mistake")
        try look("token-ended", "Given away by mistake")
    }
}
