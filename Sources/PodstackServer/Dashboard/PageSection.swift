/// The entries of the navigation.
enum PageSection {
    case tokens, projects, auditLog, sessions

    /// Under the word that the documentation has for it: Account > API Tokens.
    static let ofAccount = [tokens, sessions]
    static let others = [projects, auditLog]

    var title: String {
        switch self {
        case .tokens: "API Tokens"
        case .projects: "Projects"
        case .auditLog: "Audit Log"
        case .sessions: "Password and sessions"
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
