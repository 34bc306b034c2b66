/// Every page, with who may come.
enum Pages {
    static func all(_ service: Services, _ auditWatch: AuditWatch) -> [PageRoute] {
        [
            PageRoute("GET", "/", .signedIn) { _ in .redirect(Link("/account/tokens")) },
            PageRoute("GET", "/assets/{name}", .anybody, handle: Asset.get),
        ] + signIn(service) + TokenPages(service).routes + auditLog(service, auditWatch) + projects(service) + device(service)
    }

    private static func device(_ service: Services) -> [PageRoute] {
        let pages = DevicePages(service)
        return [
            PageRoute("GET", "/device", .signedIn, handle: pages.show),
            PageRoute("POST", "/device/approve", .signedIn, handle: pages.approve),
            PageRoute("POST", "/device/deny", .signedIn, handle: pages.deny),
        ]
    }

    private static func signIn(_ service: Services) -> [PageRoute] {
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

    private static func auditLog(_ service: Services, _ auditWatch: AuditWatch) -> [PageRoute] {
        let pages = AuditLogPages(service, auditWatch)
        return [
            PageRoute("GET", "/audit-log", .signedIn, handle: pages.show),
            PageRoute("GET", "/audit-log.csv", .signedIn, handle: pages.export),
            PageRoute("GET", "/audit-log/events", .watching, handle: pages.events),
        ]
    }

    private static func projects(_ service: Services) -> [PageRoute] {
        let projects = ProjectPages(service)
        let members = MemberPages(service)
        let one = "/projects/{project}"
        let member = one + "/members/{user}"
        return [
            PageRoute("GET", "/projects", .signedIn, handle: projects.list),
            PageRoute("POST", "/projects", .signedIn, handle: projects.create),
            PageRoute("GET", one, .signedIn, handle: projects.show),
            PageRoute("POST", one, .signedIn, handle: projects.update),
            PageRoute("GET", one + "/delete", .signedIn, handle: projects.confirmDeletion),
            PageRoute("POST", one + "/delete", .signedIn, handle: projects.delete),
            PageRoute("POST", one + "/members", .signedIn, handle: projects.addMember),
            PageRoute("GET", member, .signedIn, handle: members.show),
            PageRoute("POST", member, .signedIn, handle: members.update),
            PageRoute("POST", member + "/deactivate", .signedIn, handle: members.deactivate),
            PageRoute("POST", member + "/activate", .signedIn, handle: members.activate),
            PageRoute("GET", member + "/remove", .signedIn, handle: members.confirmRemoval),
            PageRoute("POST", member + "/remove", .signedIn, handle: members.remove),
        ]
    }
}
