/// Every page, with who may come.
enum Pages {
    static func all(_ service: Service) -> [PageRoute] {
        [
            PageRoute("GET", "/", .signedIn) { _ in .redirect(Link("/account/tokens")) },
            PageRoute("GET", "/assets/{name}", .anybody, handle: Asset.get),
        ] + signIn(service) + device(service)
    }

    private static func device(_ service: Service) -> [PageRoute] {
        let pages = DevicePages(service)
        return [
            PageRoute("GET", "/device", .signedIn, handle: pages.show),
            PageRoute("POST", "/device/approve", .signedIn, handle: pages.approve),
            PageRoute("POST", "/device/deny", .signedIn, handle: pages.deny),
        ]
    }

    private static func signIn(_ service: Service) -> [PageRoute] {
        let pages = SignInPages(service)
        let welcome = WelcomePages(service)
        let account = SessionPages(service)
        return [
            PageRoute("GET", "/sign-in", .anybody, handle: pages.show),
            PageRoute("POST", "/sign-in", .anybody, handle: pages.signIn),
            PageRoute("POST", "/sign-out", .signedIn, handle: pages.signOut),
            PageRoute("GET", "/welcome/{link}", .anybody, handle: welcome.show),
            PageRoute("POST", "/welcome/{link}", .anybody, handle: welcome.choose),
            PageRoute("GET", "/account/sign-in", .signedIn, handle: account.show),
            PageRoute("POST", "/account/sign-in/password", .signedIn, handle: account.changePassword),
            PageRoute("POST", "/account/sign-in/sessions/{id}/end", .signedIn, handle: account.end),
        ]
    }
}
