import PodstackAPI
import PodstackCryptography

extension TokenPages {
    /// The answer itself holds the new secret, and nothing else ever does.
    @Sendable func rotate(_ visit: Visit) throws -> Response {
        let session = try visit.signedIn()
        let id = visit.parameters[0]
        guard let grace = Grace(rawValue: visit.form["grace"]) else {
            var problems = FieldProblems()
            problems.add("choose how long the old secret works", to: "grace_seconds")
            return try details(visit, problems: problems, status: 422)
        }
        let request = try RotationRequest(RotationRequest.Values(graceSeconds: grace.seconds), tokenID: id)
        let (token, secret) = try changes.make(by: try visit.actor(), at: visit.now) { change in
            let token = try tokens.find(id, accountID: session.accountID, in: change.connection)
            guard token.secretsMark == visit.form["secrets"] else { return (token, nil as String?) }
            return try tokens.rotate(id, request, by: session.grant, in: change)
        }
        guard let secret else { return repeated(token, visit) }
        return Document("New secret", .tokens, under: TokenPages.place, for: visit) {
            Notice(.done, "“\(token.name)” has a new secret.")
            ShownSecret(secret: secret, token: token)
            Element("h2") { "What becomes of the old one" }
            Element("p") { "It works until the new one is first used\(grace.after)." }
            Element("p") {
                "If nobody uses the new one until "
                Time(visit.now + PendingSecret.lifetimeSeconds)
                ", it is dropped, and the old one stays."
            }
            SecretUses(origin: visit.serviceURL)
        }.response()
    }

    private func repeated(_ token: TokenRecord, _ visit: Visit) -> Response {
        Document("This token was rotated already", .tokens, under: TokenPages.place, for: visit) {
            Element("div", .class("card")) {
                Element("p") {
                    "The secret of “\(token.name)” changed after that form was made. If you rotated it, the new "
                    "secret was shown once. No other one was made now."
                }
                Element("p") { "If you did not copy it, rotate the token again, or revoke it." }
                RotateOrRevoke(token: token)
            }
        }.response(status: 409)
    }
}

/// How long an old secret lives on, as a form offers it.
private enum Grace: String, CaseIterable {
    case none, hour, day, week

    var seconds: Int {
        switch self {
        case .none: 0
        case .hour: 3600
        case .day: 86_400
        case .week: 7 * 86_400
        }
    }

    var label: String {
        switch self {
        case .none: "no longer"
        case .hour: "1 hour"
        case .day: "1 day"
        case .week: "7 days"
        }
    }

    /// Ends the sentence that begins with the first use.
    var after: String { self == .none ? ", and no longer" : ", and then for \(label)" }
}

extension TokenRecord {
    /// Another one whenever a secret came or went, and nothing that tells of them.
    fileprivate var secretsMark: String { Sodium.sha256(digest + (pending?.digest ?? [])).prefix(8).hexadecimal }
}

struct RotationForm: Component {
    let token: TokenRecord
    let problem: String?
    let visit: Visit

    var body: some HTML {
        Element("h2") { "Rotate" }
        Element("form", .class("card"), .method("post"), .action(Link("/account/tokens", token.id, "rotate"))) {
            FormKeyField(visit)
            VoidElement("input", .type("hidden"), .name("secrets"), .value(token.secretsMark))
            Element("p") {
                "The token gets a new secret, and keeps its name and what it may do. The new secret has 24 hours to be "
                "used for the first time; until then the old one works."
            }
            ChoiceGroup("After that first use the old secret works", name: "grace", problem: problem) {
                for grace in Grace.allCases {
                    Choice(
                        .oneOf, grace.label, name: "grace", value: grace.rawValue, isChosen: grace == .hour,
                        .flag("required"))
                }
            }
            if token.pending.map({ !$0.hasLapsed(at: visit.now) }) ?? false {
                Element("p") { "The new secret that waits for its first use will then be good for nothing." }
            }
            Element("button", .type("submit")) { "Rotate" }
        }
    }
}
