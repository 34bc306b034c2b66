import PodstackAPI
import PodstackCryptography

/// A change that an operator makes to an account after a confirmation; the raw value is part of its path.
enum PersonAction: String, CaseIterable, Sendable {
    case disable, enable
    case makeOperator = "make-operator"
    case removeOperator = "remove-operator"
    case renewLink = "renew-link"

    /// Returns the actions that the state of an account allows.
    ///
    /// - Parameters:
    ///   - report: The account.
    ///   - isViewer: Whether it is the viewer's own.
    /// - Returns: The actions, in the order in which a page offers them.
    static func offered(for report: UserReport, isViewer: Bool) -> [PersonAction] {
        let user = report.user
        var actions: [PersonAction] = [user.isOperator ? .removeOperator : .makeOperator]
        if !report.hasPassword, !user.isDisabled { actions.append(.renewLink) }
        // Operators who disable themselves could not undo it.
        if !isViewer { actions.append(user.isDisabled ? .enable : .disable) }
        return actions
    }

    var label: String {
        switch self {
        case .disable: "Disable"
        case .enable: "Enable"
        case .makeOperator: "Make operator"
        case .removeOperator: "Remove operator role"
        case .renewLink: "Create a new link"
        }
    }

    /// A sentence about the action.
    var summary: String {
        switch self {
        case .disable: "A disabled user cannot sign in, and the user's tokens are rejected. Nothing is deleted."
        case .enable: "The user can sign in again, and tokens that have not expired work again."
        case .makeOperator: "An operator manages the accounts of this service: everything on these pages."
        case .removeOperator: "The user is an operator, and can then no longer manage the accounts of this service."
        case .renewLink: "The person has not chosen a password yet. A new sign-in link replaces the earlier one."
        }
    }

    var isDangerous: Bool { self == .disable || self == .removeOperator }

    /// The question on the page that asks for confirmation.
    func question(_ email: String) -> String {
        switch self {
        case .disable: "Disable \(email)?"
        case .enable: "Enable \(email)?"
        case .makeOperator: "Make \(email) an operator?"
        case .removeOperator: "Remove the operator role of \(email)?"
        case .renewLink: "Create a new link for \(email)?"
        }
    }

    /// The sentence after the action.
    var done: String {
        switch self {
        case .disable: "The user is disabled and signed out everywhere."
        case .enable: "The user is enabled."
        case .makeOperator: "The user is an operator."
        case .removeOperator: "The user is no longer an operator."
        case .renewLink: "A new sign-in link is created. The earlier one no longer works."
        }
    }
}

// MARK: - Actions with a confirmation

extension PeoplePages {
    @Sendable func confirm(_ action: PersonAction, _ exchange: PageExchange) throws -> Response {
        let (report, runningPods) = try database.read { connection in
            (
                try findReport(exchange, in: connection),
                try PodStore.countAlive(userID: exchange.parameters[0], in: connection)
            )
        }
        let page = Link("/people", report.user.id)
        let isViewer = try exchange.signedIn().user.id == report.user.id
        guard PersonAction.offered(for: report, isViewer: isViewer).contains(action) else { return .redirect(page) }
        return Document(
            action.question(Isolated.text(report.user.email)), .people, under: (report.user.email, page), for: exchange
        ) {
            Card {
                Element("p") { action.summary }
                if action == .disable, runningPods > 0 {
                    Element("p") {
                        "\(counted(runningPods, "pod")) that the user created will not be stopped, and their own tokens "
                        "will be rejected."
                    }
                }
                Confirmation(
                    action: Link("/people", report.user.id, action.rawValue), confirmLabel: action.label,
                    cancelLink: page, exchange: exchange, style: action.isDangerous ? .danger : .primary)
            }
        }.response()
    }

    @Sendable func perform(_ action: PersonAction, _ exchange: PageExchange) throws -> Response {
        do {
            let (user, link) = try exchange.change(with: changes, requiring: .operatorRole) { change in
                let user = try findUser(exchange, in: change.connection)
                return (user, try apply(action, to: user, in: change))
            }
            if let link { return linkPage("New sign-in link", action.done, user, link, exchange) }
        } catch DomainError.conflict(let message) {
            return try page(exchange, notice: Notice(.problem, "\(message)."), status: 409)
        }
        // Operators who give up the role no longer see these pages.
        let isViewer = try exchange.signedIn().user.id == exchange.parameters[0]
        if isViewer, action == .removeOperator { return .redirect(Link("/account/sign-in", query: [("done", "role")])) }
        return .redirect(Link("/people", exchange.parameters[0], query: [("done", action.rawValue)]))
    }

    /// Makes a change to an account.
    ///
    /// An action that the account's state makes pointless changes nothing, so that a form can be sent twice.
    ///
    /// - Returns: The secret of a new sign-in link; nil for other actions.
    private func apply(_ action: PersonAction, to user: UserRecord, in change: Change) throws -> OneTimeSecret? {
        switch action {
        case .disable, .enable:
            guard user.id != change.actor.userID else {
                throw DomainError.conflict("You cannot disable your own account")
            }
            try UserService.setDisabled(action == .disable, user, in: change)
        case .makeOperator: try UserService.setOperator(true, user, in: change)
        case .removeOperator:
            guard try UserStore.hasOperator(besides: user.id, in: change.connection) else {
                throw DomainError.conflict(
                    "This is the last operator: make another user an operator first, or use the command line")
            }
            try UserService.setOperator(false, user, in: change)
        case .renewLink:
            // A link for an account in use would let an operator act as its user.
            guard try UserStore.passwordHash(userID: user.id, in: change.connection) == nil, !user.isDisabled else {
                throw DomainError.conflict("Only an enabled user who has not chosen a password yet gets a new link")
            }
            let link = try signIn.links.create(for: user.id, in: change)
            try change.record(.signInLinkCreated, on: AuditResource(user))
            return link
        }
        return nil
    }
}

// MARK: - Removal

extension PeoplePages {
    @Sendable func confirmRemoval(
        _ exchange: PageExchange, problem: String? = nil, recipientProblem: String? = nil, status: Int = 200
    ) throws -> Response {
        // The recipient is in the query of the page, and in the form that was refused.
        let recipient = exchange.request.query("transfer_to") ?? exchange.form["transfer_to"]
        let (user, found) = try database.read { connection in
            let user = try findUser(exchange, in: connection)
            return (user, Self.plan(removing: user, recipient, exchange, in: connection))
        }
        let page = Link("/people", user.id)
        guard try exchange.signedIn().user.id != user.id else { return .redirect(page) }
        let isUnusable = if case .failure = found { true } else { false }
        return Document(
            "Remove \(Isolated.text(user.email))?", .people, under: (user.email, page), for: exchange
        ) {
            if let problem { Notice(.problem, problem) }
            switch found {
            case .failure(let failure): RecipientForm(user: user, recipient: recipient, problem: failure.message)
            case .success(let plan):
                RemovalCard(plan: plan, recipient: recipient, exchange: exchange)
                if plan.projects.contains(where: { $0.fate == .delete || $0.fate == .block }) || !recipient.isEmpty {
                    RecipientForm(user: user, recipient: recipient, problem: recipientProblem)
                }
            }
        }.response(status: isUnusable ? 422 : status)
    }

    /// Returns what the removal of a user would do, or why the recipient of the projects cannot get them.
    private static func plan(
        removing user: UserRecord, _ recipient: String, _ exchange: PageExchange, in connection: any DatabaseConnection
    ) -> Result<UserRemoval, SetupFailure> {
        do {
            return .success(
                try UserRemoval(
                    of: user.email, transferringTo: recipient.isEmpty ? nil : recipient, now: exchange.now,
                    in: connection))
        } catch let failure as SetupFailure {
            return .failure(failure)
        } catch {
            return .failure(SetupFailure("the projects cannot be read"))
        }
    }

    @Sendable func remove(_ exchange: PageExchange) throws -> Response {
        let recipient = exchange.form["transfer_to"]
        do {
            let isDone = try exchange.change(with: changes, requiring: .operatorRole) { change in
                let user = try findUser(exchange, in: change.connection)
                guard user.id != change.actor.userID else {
                    throw DomainError.conflict("You cannot remove your own account")
                }
                let plan = try UserRemoval(
                    of: user.email, transferringTo: recipient.isEmpty ? nil : recipient, now: change.now,
                    in: change.connection)
                guard plan.blocking.isEmpty, plan.fingerprint == exchange.form["plan"] else { return false }
                try plan.perform(pods, volumes, in: change)
                return true
            }
            if isDone { return .redirect(Link("/people", query: [("done", "removed")])) }
        } catch DomainError.conflict(let message) {
            return try page(exchange, notice: Notice(.problem, "\(message)."), status: 409)
        } catch is SetupFailure {
            return try confirmRemoval(exchange, status: 422)
        }
        let problem = "Nothing was removed: the user or a project has changed in the meantime. Check the effects again."
        return try confirmRemoval(exchange, problem: problem, status: 409)
    }
}

extension UserRemoval {
    /// A value that changes with the effects of the removal, so that only what the page showed is done.
    fileprivate var fingerprint: String { Sodium.sha256(Array(summary.utf8)).prefix(8).hexadecimal }
}

private struct RemovalCard: Component {
    let plan: UserRemoval
    let recipient: String
    let exchange: PageExchange

    var body: some HTML {
        FormCard(Link("/people", plan.user.id, "remove"), exchange) {
            VoidElement("input", .type("hidden"), .name("transfer_to"), .value(recipient))
            VoidElement("input", .type("hidden"), .name("plan"), .value(plan.fingerprint))
            Element("p") { "Removing this user has these effects:" }
            Element("ul") {
                for effect in plan.effects {
                    Element("li") { effect.prefix(1).uppercased() + effect.dropFirst() + "." }
                }
            }
            if plan.blocking.isEmpty {
                Element("p") {
                    Element("strong") { "This cannot be undone." }
                }
            }
            Element("p", .class("buttons")) {
                if plan.blocking.isEmpty { Button("Remove user", .danger) }
                LinkButton("Cancel", .quiet, to: Link("/people", plan.user.id))
            }
        }
    }
}

/// The form that chooses who gets the projects of a removed user.
private struct RecipientForm: Component {
    let user: UserRecord
    let recipient: String
    let problem: String?

    var body: some HTML {
        Element("h2") { "Transfer the projects" }
        Element("form", .class("card"), .method("get"), .action(Link("/people", user.id, "remove"))) {
            Field(
                "Email", name: "transfer_to", value: recipient,
                hint:
                    "The user who becomes the admin of the projects that would have none. Leave it empty to delete them.",
                problem: problem.map { $0.prefix(1).uppercased() + $0.dropFirst() + "." }, .type("email"),
                .autocomplete("off"))
            Button("Show the effects", .quiet)
        }
    }
}
