import PodstackAPI
import PodstackTestSupport

@testable import PodstackServer

extension PageTour {
    func visitWelcomeAndSignIn() throws {
        let link = try server.signInLink(nil)
        try open(link)
        try look("welcome", "Create the first account")
        try browser.fill("Email", Self.email)
        try browser.fill("Password", Self.password)
        try browser.fill("Confirm password", "another one, by mistake")
        try browser.press("Create account")
        try look("welcome-wrong", "Create the first account", status: 422)
        try browser.choosePassword(Self.password)
        try browser.press("Create account")
        try look("tokens-none", "API Tokens")
        try open("/audit-log?action=project.delete")
        try open(link)
        try look("welcome-over", "This link no longer works", status: 410)

        try open("/")
        try browser.press("Sign out")
        try look("sign-in", "Sign in")
        try browser.signIn(email: Self.email, password: "forgotten")
        try look("sign-in-wrong", "Sign in", status: 422)
        for _ in 0..<5 { try browser.signIn(email: Self.email, password: "forgotten") }
        try look("sign-in-too-often", "Sign in", status: 429)
        clock.set(clock.now + 60)

        try server.addUser("grace@example.com")
        try open(try server.signInLink(Self.email))
        try look("welcome-again", "Choose your password")
        try browser.choosePassword(Self.password)
        try browser.press("Save and sign in")
        try browser.waitForPage("API Tokens")
    }

    func visitAccount() throws {
        let elsewhere = try RawHTTP(port: server.port)
        let page = try elsewhere.request("GET", "/sign-in")
        let key = page.body.split(separator: "name=\"form_key\" value=\"").last?.prefix { $0 != "\"" } ?? ""
        let form = "form_key=\(key)&email=ada%40example.com&password=\(Self.password.replacing(" ", with: "+"))"
        _ = try elsewhere.request(
            "POST", "/sign-in",
            headers: [
                ("Content-Type", "application/x-www-form-urlencoded"),
                ("Cookie", String(page.cookies.first?.prefix { $0 != ";" } ?? "")),
                ("User-Agent", "Mozilla/5.0 (Macintosh; Intel Mac OS X 10.15; rv:138.0) Gecko/20100101 Firefox/138.0"),
            ], body: form)
        try open("/account/sign-in")
        try look("account", "Password and sessions")
        try browser.fill("Current password", "not this one")
        try browser.fill("New password", Self.password + "!")
        try browser.fill("Confirm new password", Self.password + "!")
        try browser.press("Change password")
        try look("account-wrong", "Password and sessions", status: 422)
        try browser.leave { try browser.find("td form button").click() }
        try look("account-ended", "Password and sessions")
        try browser.fill("Current password", Self.password)
        try browser.fill("New password", Self.password + "!")
        try browser.fill("Confirm new password", Self.password + "!")
        try browser.press("Change password")
        try look("account-changed", "Password and sessions")

        try open("/account/nowhere")
        try look("not-found", "Not found", status: 404)
        try open("/sign-out")
        try look("wrong-method", "No page here", status: 405)
        try open("/account/sign-in")
        try browser.execute("document.querySelector('[name=form_key]').value = 'old'")
        try browser.press("Sign out")
        try look("refused", "Access denied", status: 403)
    }
}
