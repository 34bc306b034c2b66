import PodstackTransport

#if canImport(FoundationEssentials)
    import FoundationEssentials
#else
    import Foundation
#endif

/// Pulls an image from its registry.
enum DockerPull {
    /// The credential as the header `X-Registry-Auth` contains it.
    private struct Credential: Encodable {
        var username: String
        var password: String
        var serveraddress: String
    }

    /// Returns the headers with which the engine signs in at the registry.
    static func headers(
        _ credential: EngineSpecification.RegistryCredential?, _ image: DockerImageName
    ) throws -> [HeaderField] {
        guard let credential else { return [] }
        let value = Credential(
            username: credential.username, password: credential.password, serveraddress: image.registry)
        let text = try JSONEncoder().encode(value).base64EncodedString()
        return [HeaderField("X-Registry-Auth", text.replacing("+", with: "-").replacing("/", with: "_"))]
    }

    static func pull(
        _ image: DockerImageName, _ credential: EngineSpecification.RegistryCredential?, _ client: DockerClient,
        _ progress: (String) -> Void
    ) throws {
        progress("Pulling the image \(image.text)")
        let headers = try headers(credential, image)
        let target = DockerClient.Target("images", "create").with("fromImage", image.repository).with(
            "tag", image.version)
        var lines = JSONLines()
        var state = PullProgress()
        var problem: String?
        func receive(_ line: [UInt8]) throws {
            let value = try DockerClient.decode(Docker.Progress.self, line)
            if let error = value.error { problem = error }
            if let text = state.receive(value, at: .now) { progress(text) }
        }
        do {
            try client.stream("POST", target, headers: headers, silence: .seconds(300)) { bytes in
                try lines.receive(bytes, pass: receive)
                return true
            }
            try lines.end(pass: receive)
        } catch let failure as EngineFailure where failure.kind != .unreachable && failure.kind != .canceled {
            throw hiding(credential, DockerFailure.pullFailure(status: 0, message: failure.reason, image: image))
        }
        if let problem {
            throw hiding(credential, DockerFailure.pullFailure(status: 200, message: problem, image: image))
        }
        progress("Pulled the image \(image.text)")
    }

    /// Removes a password that a registry has repeated in its error.
    static func hiding(
        _ credential: EngineSpecification.RegistryCredential?, _ failure: EngineFailure
    ) -> EngineFailure {
        guard let password = credential?.password, !password.isEmpty else { return failure }
        return EngineFailure(kind: failure.kind, reason: failure.reason.replacing(password, with: "…"))
    }
}

/// Sums up the progress of an image's layers.
struct PullProgress {
    private var layers: [String: (current: Int64, total: Int64)] = [:]
    private var reportedAt: ContinuousClock.Instant?
    /// The time between two reports.
    private static let pause = Duration.seconds(5)

    /// Receives a line of the engine; returns a report about all layers now and then.
    mutating func receive(_ line: Docker.Progress, at now: ContinuousClock.Instant) -> String? {
        guard let id = line.id, let detail = line.detail, let current = detail.current, let total = detail.total,
            total > 0, line.status == "Downloading"
        else { return nil }
        layers[id] = (current, total)
        guard let reportedAt else {
            // The layers that follow are not known yet.
            self.reportedAt = now
            return nil
        }
        guard now - reportedAt >= Self.pause else { return nil }
        self.reportedAt = now
        let done = layers.values.reduce(0) { $0 + $1.current }
        let whole = layers.values.reduce(0) { $0 + $1.total }
        return "Downloaded \(done / 1_000_000) of \(whole / 1_000_000) MB so far"
    }
}
