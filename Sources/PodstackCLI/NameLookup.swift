import Podstack
import PodstackAPI
import PodstackCommandLine

/// Finds the resource that a user named instead of giving its ID.
struct NameLookup {
    /// A resource that can be named.
    struct Candidate {
        var id: String
        var name: String
        /// The words that distinguish it from others of the same name.
        var description: String
        /// Whether it is in use; others are found only when none in use has the name.
        var isInUse = true
    }

    /// The kind of resource, such as `token`.
    let kind: String
    /// The command that lists the resources.
    let listCommand: String
    let candidates: [Candidate]

    /// Returns the ID of the resource with an ID or a name; nil when there is none.
    ///
    /// A name that differs only in its case is found too, when no resource has exactly that name.
    ///
    /// - Parameter text: The ID or the name.
    /// - Returns: The ID, or nil.
    /// - Throws: ``CommandError`` that lists the candidates when several resources have the name.
    func id(of text: String) throws -> String? {
        if candidates.contains(where: { $0.id == text }) { return text }
        let exact = candidates.filter { $0.name == text }
        let matches = exact.isEmpty ? candidates.filter { $0.name.lowercased() == text.lowercased() } : exact
        let used = matches.filter(\.isInUse)
        let found = used.isEmpty ? matches : used
        guard found.count > 1 else { return found.first?.id }
        let list = found.map { "\($0.id) (\($0.description))" }.joined(separator: ", ")
        throw CommandError(
            message: "\"\(TerminalText.printable(text))\" is the name of \(found.count) \(kind)s: \(list)",
            hint: "Give the ID of one of them")
    }

    /// Returns the error for a text that is neither an ID nor a name.
    func notFound(_ text: String) -> CommandError {
        let near = Suggestion.question(text, among: candidates.filter(\.isInUse).map(\.name))
        return CommandError(
            message: "no \(kind) has the ID or the name \"\(Arguments.displayed(text))\"\(near)",
            hint: "\(listCommand) lists the \(kind)s", status: .notFound)
    }
}

// MARK: - Projects

extension Invocation {
    /// Returns the ID of a project that is given by its ID or its name.
    ///
    /// A text that has the form of an ID is not looked up. Neither is a name that the token may not look up: the service
    /// then rejects it.
    func projectID(of text: String) async throws -> Project.ID {
        guard !text.hasPrefix(Self.projectIDPrefix) else { return text }
        guard let lookup = try await projectLookup() else { return text }
        guard let id = try lookup.id(of: text) else { throw lookup.notFound(text) }
        return id
    }

    /// Returns the IDs of the projects of a flag; nil when it is not given.
    func projectIDs(ofFlag name: String) async throws -> [Project.ID]? {
        guard let texts = arguments.list(name) else { return nil }
        var ids: [Project.ID] = []
        for text in texts { ids.append(try await projectID(of: text)) }
        return ids
    }

    /// Returns a copy whose `--project` is an ID, even if a name was given.
    func resolvingProject() async throws -> Invocation {
        guard let text = arguments.value("project"), !text.hasPrefix(Self.projectIDPrefix),
            text.contains(where: { !$0.isWhitespace })
        else { return self }
        var resolved = self
        // The client rejects a project that is not an ID, so the name is looked up without it.
        resolved.arguments.removeValue(of: "project")
        let id = try await resolved.projectID(of: text)
        resolved.arguments = arguments
        resolved.arguments.replaceValue(of: "project", with: id)
        return resolved
    }

    private static let projectIDPrefix = "prj_"

    /// Returns the projects that the token may see; nil when it may not list them.
    private func projectLookup() async throws -> NameLookup? {
        do {
            let projects = try await client().withoutProject.projects.list().all()
            let candidates = projects.map { project in
                NameLookup.Candidate(
                    id: project.id, name: project.name, description: "created \(Timestamp.format(project.createdAt))")
            }
            return NameLookup(kind: "project", listCommand: "podstack project list", candidates: candidates)
        } catch is PermissionError { return nil } catch is ResourceNotFoundError { return nil }
    }
}

// MARK: - Pods and volumes

extension Invocation {
    /// Calls a closure with the ID of a pod that is given by its ID or its name.
    ///
    /// No name contains the underscore that every ID has.
    func withPodID<Result>(_ text: String, _ body: (Client, Pod.ID) async throws -> Result) async throws -> Result {
        let client = try client()
        guard !text.hasPrefix("pod_") else { return try await body(client, text) }
        let candidates = try await client.pods.list().all().map { pod in
            NameLookup.Candidate(
                id: pod.id, name: pod.name, description: "\(pod.status), project \(pod.projectID)")
        }
        let lookup = NameLookup(kind: "pod", listCommand: "podstack pod list", candidates: candidates)
        guard let id = try lookup.id(of: text) else { throw lookup.notFound(text) }
        return try await body(client, id)
    }

    /// Returns the ID of a volume that is given by its ID or its name.
    func volumeID(of text: String, _ client: Client) async throws -> Volume.ID {
        guard !text.hasPrefix("vol_") else { return text }
        let candidates = try await client.volumes.list().all().map { volume in
            NameLookup.Candidate(id: volume.id, name: volume.name, description: "project \(volume.projectID)")
        }
        let lookup = NameLookup(kind: "volume", listCommand: "podstack volume list", candidates: candidates)
        guard let id = try lookup.id(of: text) else { throw lookup.notFound(text) }
        return id
    }
}

// MARK: - Tokens

extension Invocation {
    /// Calls a closure with the ID of the token argument, which may be an ID, a prefix or a name.
    ///
    /// A name may have the form of an ID: it is looked up when no token has that ID.
    func withTokenID<Result>(_ body: (Client, Token.ID) async throws -> Result) async throws -> Result {
        let text = arguments.positional[0]
        if text.hasPrefix("podstack_") {
            let id = String(text.dropFirst(9))
            if let problem = TokenFormat.problem(ofID: id) {
                throw UsageError("invalid token ID: \(problem)", hint: "podstack token list shows the IDs")
            }
            return try await body(client(), id)
        }
        let client = try client()
        var rejection: ResourceNotFoundError?
        if TokenFormat.isID(text) {
            do { return try await body(client, text) } catch let error as ResourceNotFoundError { rejection = error }
        }
        let lookup = try await tokenLookup(client)
        if let named = try lookup.id(of: text) { return try await body(client, named) }
        throw rejection ?? lookup.notFound(text)
    }

    private func tokenLookup(_ client: Client) async throws -> NameLookup {
        let tokens = try await client.tokens.list().all()
        let candidates = tokens.map { token in
            let isActive = token.status == nil || token.status == "active"
            return NameLookup.Candidate(
                id: token.id, name: token.name,
                description: "\(token.status?.rawValue ?? "active"), created \(Timestamp.format(token.createdAt))",
                isInUse: isActive)
        }
        return NameLookup(kind: "token", listCommand: "podstack token list", candidates: candidates)
    }
}
