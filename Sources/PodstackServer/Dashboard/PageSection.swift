/// The entries of the navigation.
enum PageSection: CaseIterable {
    case tokens, projects, auditLog, sessions

    var title: String {
        switch self {
        case .tokens: "API Tokens"
        case .projects: "Projects"
        case .auditLog: "Audit Log"
        case .sessions: "Sign-in"
        }
    }

    var link: Link {
        switch self {
        case .tokens: Link("/account/tokens")
        case .projects: Link("/projects")
        case .auditLog: Link("/audit-log")
        case .sessions: Link("/account/sign-in")
        }
    }
}
