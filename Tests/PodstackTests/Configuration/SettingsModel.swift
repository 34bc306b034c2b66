/// A second implementation of the precedence table: layers of values, searched from the top.
struct SettingsModel {
    /// The values of one source for the three settings.
    struct Layer {
        var kind: String
        var token: String?
        var project: String?
        var endpoint: String?
    }

    struct Settings: Equatable {
        var token: String
        var tokenKind: String
        var project: String?
        var projectKind: String?
        var endpoint: String
        var endpointKind: String
    }

    /// The arguments, variables and files of one test case.
    struct World {
        var argument = Layer(kind: "argument")
        var profileArgument: String?
        var variables: [String: String] = [:]
        /// The profiles of the credentials file; nil when there is no file.
        var profiles: [String: [String: String]]?
        var isFileBroken = false
        /// The content of the file that `PODSTACK_API_TOKEN_FILE` names; nil when it does not exist.
        var tokenFile: String?
    }

    let world: World

    private struct Refused: Error {}

    /// Returns the expected settings; nil when resolution must fail.
    func settings() -> Settings? { try? resolve() }

    private func resolve() throws -> Settings {
        let named = try world.profileArgument.map { name in
            guard !name.allSatisfy(\.isWhitespace) else { throw Refused() }
            return try profile(name)
        }
        var layers = [world.argument]
        if let named { layers.append(named) }
        layers.append(try variableLayer(isTokenWanted: !layers.contains { $0.token != nil } && named == nil))
        if named != nil, world.argument.token == nil, named?.token == nil { throw Refused() }
        if !layers.contains(where: { $0.token != nil }) {
            // An ambient profile supplies all three settings, and only when no other source has a token.
            let name = set("PODSTACK_PROFILE")
            guard let ambient = try name.map(profile) ?? defaultProfile(), ambient.token != nil else { throw Refused() }
            layers.append(ambient)
        }
        func first(_ key: KeyPath<Layer, String?>) -> (String, String)? {
            layers.lazy.compactMap { layer in layer[keyPath: key].map { ($0, layer.kind) } }.first
        }
        guard let token = first(\.token), isSendable(token.0) else { throw Refused() }
        let project = first(\.project)
        if let project, trimmed(project.0).isEmpty { throw Refused() }
        let endpoint = first(\.endpoint) ?? ("https://api.podstack.ai", "default")
        guard trimmed(endpoint.0).hasPrefix("https://") else { throw Refused() }
        return Settings(
            token: trimmed(token.0), tokenKind: token.1, project: project.map { trimmed($0.0) },
            projectKind: project?.1, endpoint: trimmed(endpoint.0), endpointKind: endpoint.1)
    }

    private func variableLayer(isTokenWanted: Bool) throws -> Layer {
        var layer = Layer(
            kind: "environment", token: set("PODSTACK_API_TOKEN"), project: set("PODSTACK_PROJECT"),
            endpoint: set("PODSTACK_API_ENDPOINT"))
        if layer.token == nil, set("PODSTACK_API_TOKEN_FILE") != nil, isTokenWanted {
            guard let text = world.tokenFile else { throw Refused() }
            layer.token = text
        }
        return layer
    }

    private func profile(_ name: String) throws -> Layer {
        guard !world.isFileBroken, let values = world.profiles?[name] else { throw Refused() }
        func value(_ key: String) -> String? { values[key].map(trimmed).flatMap { $0.isEmpty ? nil : $0 } }
        return Layer(
            kind: "profile", token: value("api_token"), project: value("project_id"), endpoint: value("api_endpoint"))
    }

    private func defaultProfile() throws -> Layer? {
        if world.isFileBroken { throw Refused() }
        guard let values = world.profiles?["default"] else { return nil }
        // Only the key of this profile selects another one, and the key of that one does not matter.
        let selected = values["profile"].map(trimmed) ?? ""
        return try profile(selected.isEmpty ? "default" : selected)
    }

    private func set(_ name: String) -> String? {
        world.variables[name].flatMap { trimmed($0).isEmpty ? nil : $0 }
    }

    private func trimmed(_ text: String) -> String {
        var text = Substring(text)
        while text.first?.isWhitespace == true { text.removeFirst() }
        while text.last?.isWhitespace == true { text.removeLast() }
        return String(text)
    }

    private func isSendable(_ token: String) -> Bool {
        let token = trimmed(token)
        return !token.isEmpty && token != "your_api_token_here"
            && token.unicodeScalars.allSatisfy { (0x21...0x7E).contains($0.value) }
    }
}
