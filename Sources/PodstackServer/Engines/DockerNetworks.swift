/// The networks of the projects: one for each, so that pods of different projects do not reach each other.
final class DockerNetworks: Sendable {
    private let client: DockerClient
    /// The driver: `bridge` on one machine, `overlay` on several.
    private let driver: String
    /// Ensures that a network is created once, even when two pods of a project are.
    private let creation = Monitor(())

    init(_ client: DockerClient, driver: String) {
        self.client = client
        self.driver = driver
    }

    static func name(_ projectID: String) -> String { "podstack-\(projectID)" }

    /// Creates the network of a project unless it exists, and returns its ID.
    @discardableResult
    func ensure(projectID: String, instance: String) throws -> String {
        try creation.change(waking: .none) { _ in
            if let existing = try find(projectID) { return existing }
            let request = Docker.NetworkRequest(
                name: Self.name(projectID),
                labels: [DockerEngine.Label.instance: instance, DockerEngine.Label.project: projectID], driver: driver)
            let created = try client.send("POST", .init("networks", "create"), body: request)
            if created.isSuccess { return try DockerClient.decode(Docker.Created.self, created.body).id }
            // Another service on this engine has created it meanwhile.
            if created.status == 409, let existing = try find(projectID) { return existing }
            let failure = client.failure(created.status, created.body)
            throw failure.kind == .noSpace
                ? EngineFailure(
                    kind: .noSpace,
                    reason: "The engine has no network left for another project:"
                        + " add \(driver == "overlay" ? "addresses to the swarm" : "default-address-pools to its configuration")"
                )
                : failure
        }
    }

    /// Returns the ID of a project's network; nil if it does not exist.
    private func find(_ projectID: String) throws -> String? {
        let name = Self.name(projectID)
        let response = try client.send("GET", .init("networks", name))
        if response.status == 404 { return nil }
        guard response.isSuccess else { throw client.failure(response.status, response.body) }
        let network = try DockerClient.decode(Docker.Network.self, response.body)
        guard network.driver == driver else {
            throw EngineFailure(
                kind: .conflict,
                reason: "The engine has a network \(name) of the kind \(network.driver); pods need \(driver) here")
        }
        return network.id
    }

    func remove(projectID: String) throws {
        let response = try client.send("DELETE", .init("networks", Self.name(projectID)))
        guard !response.isSuccess, response.status != 404 else { return }
        throw client.failure(response.status, response.body)
    }
}
