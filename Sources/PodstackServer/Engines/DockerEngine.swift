import PodstackTransport

#if canImport(FoundationEssentials)
    import FoundationEssentials
#else
    import Foundation
#endif

/// Runs pods as containers of one Docker engine.
///
/// A pod is the container whose name is the pod's ID. A project is a bridge network, so that pods of different projects do
/// not reach each other. Labels name the service, the project and the pod.
final class DockerEngine: PodEngine {
    let client: DockerClient
    private let cache = DockerObservationCache()
    private let usage = DockerUsage()
    /// The time of the latest event that was received, in nanoseconds since 1970 by the engine's
    /// clock; nil before the first wait.
    private let lastEvent = Monitor<Int64?>(nil)
    /// Whether the engine can limit the disk of a container, as far as that is known: only an attempt tells on XFS.
    private let limitsDisk = Monitor<Bool?>(nil)
    private let networks: DockerNetworks

    /// The names of the labels.
    enum Label {
        static let instance = "podstack.instance"
        static let project = "podstack.project"
        static let pod = "podstack.pod"
    }

    init(_ address: EngineEndpoint.Address) {
        let client = DockerClient(address)
        self.client = client
        networks = DockerNetworks(client, driver: "bridge")
    }

    // MARK: - Capabilities

    func capabilities() throws -> EngineCapabilities {
        let negotiated = try client.negotiate()
        let info = try client.info(isFresh: true)
        let missing = [
            ("memory", info.limitsMemory), ("processors", info.limitsCPU), ("processes", info.limitsProcesses),
        ].filter { $0.1 != true }.map(\.0)
        guard missing.isEmpty else {
            throw EngineFailure(
                kind: .refused,
                reason:
                    "The engine cannot limit the \(missing.joined(separator: ", ")) of a container, which pods need;"
                    + " a rootless engine needs control groups version 2")
        }
        return EngineCapabilities(
            name: "Docker \(negotiated.engineVersion)", apiVersion: negotiated.apiVersion.description, isCluster: false,
            gpus: nil, limitsDisk: try limitsDisk(info), processors: info.processors,
            memoryBytes: info.memoryBytes)
    }

    private func limitsDisk(_ info: Docker.Info) throws -> Bool {
        if let known = limitsDisk.change(waking: .none, { $0 }) { return known }
        switch info.driver {
        case "btrfs", "zfs", "devicemapper": return true
        case "overlay2": return info.driverStatus?.contains(["Backing Filesystem", "xfs"]) == true
        default: return false
        }
    }

    // MARK: - Pods

    func ensure(_ specification: EngineSpecification, progress: (String) -> Void) throws {
        let podID = specification.podID
        if let existing = try container(podID).inspect() {
            try requireOwn(existing, specification)
            try reconnect(existing, specification)
        } else {
            let image = try ensureImage(specification, progress)
            try networks.ensure(projectID: specification.projectID, instance: specification.instance)
            try create(specification, image)
        }
        guard !specification.secretFiles.isEmpty else { return }
        // Also for a container that exists: an earlier attempt may have ended before the files were there.
        var archive = TarArchive.files(specification.secretFiles.map { ($0.path, $0.content) })
        try client.upload(
            .init("containers", podID, "archive").with("path", "/"), contentType: "application/x-tar",
            next: {
                defer { archive = [] }
                return archive
            })
    }

    private func requireOwn(_ container: Docker.Container, _ specification: EngineSpecification) throws {
        guard container.configuration.labels?[Label.instance] == specification.instance else {
            throw EngineFailure(
                kind: .conflict,
                reason: "The engine has a container \(specification.podID) that does not belong to this service")
        }
    }

    /// Connects a container again whose network was removed while it did not run.
    private func reconnect(_ container: Docker.Container, _ specification: EngineSpecification) throws {
        guard container.state.status != "running" else { return }
        let network = try networks.ensure(projectID: specification.projectID, instance: specification.instance)
        let endpoint = container.network?.networks?[DockerNetworks.name(specification.projectID)]
        // A container that has never run knows its network by the name.
        guard let former = endpoint?.networkID, !former.isEmpty, former != network else { return }
        let response = try client.send(
            "POST", .init("networks", network, "connect"),
            body: Docker.ConnectRequest(container: specification.podID))
        guard response.isSuccess else { throw client.failure(response.status, response.body) }
    }

    /// Returns a size in whole GiB: the system keeps a part of a machine's memory to itself.
    static func roundedUp(_ bytes: Int64) -> Int64 { ((bytes + (1 << 30) - 1) >> 30) << 30 }

    private func create(_ specification: EngineSpecification, _ image: DockerImageName) throws {
        let podID = specification.podID
        let info = try client.info()
        var request = Self.request(specification, image)
        if let processors = info.processors, specification.cpuMillicores > processors * 1000 {
            throw EngineFailure(
                kind: .refused,
                reason: "The pod needs \(Self.cores(specification.cpuMillicores)), and the engine has \(processors)")
        }
        if let memory = info.memoryBytes, specification.memoryBytes > Self.roundedUp(memory) {
            throw EngineFailure(
                kind: .refused,
                reason: "The pod needs \(specification.memoryBytes >> 30) GiB of memory, and the engine has "
                    + "\(Self.roundedUp(memory) >> 30)")
        }
        if try !limitsDisk(info) { request.host.storageOptions = nil }
        var wait = EngineWait(seconds: 30)
        while true {
            let response = try client.send(
                "POST", .init("containers", "create").with("name", podID), body: request)
            if response.isSuccess {
                if request.host.storageOptions != nil { limitsDisk.change(waking: .none) { $0 = true } }
                return
            }
            let failure = client.failure(response.status, response.body)
            if request.host.storageOptions != nil, failure.reason.contains("storage-opt") {
                // The file system has no project quotas.
                limitsDisk.change(waking: .none) { $0 = false }
                request.host.storageOptions = nil
                continue
            }
            if response.status == 409 {
                // Another request has created it, such as one whose response was lost, or is still creating it.
                if let existing = try container(podID).inspect() { return try requireOwn(existing, specification) }
                if failure.reason.contains("already in use"), wait.pause() { continue }
            }
            throw failure.kind == .notFound ? EngineFailure(kind: .image, reason: failure.reason) : failure
        }
    }

    static func cores(_ millicores: Int) -> String {
        let number = Double(millicores) / 1000
        return number == number.rounded() ? "\(Int(number)) processors" : "\(number) processors"
    }

    private static func request(
        _ specification: EngineSpecification, _ image: DockerImageName
    ) -> Docker.ContainerRequest {
        let ports = specification.ports.map { "\($0)/tcp" }
        let binding = Docker.Binding(address: specification.publishAddress, port: "")
        let gpus = specification.gpus.map { gpus in
            [
                Docker.HostConfiguration.DeviceRequest(
                    count: gpus.devices.isEmpty ? gpus.count : 0, devices: gpus.devices.isEmpty ? nil : gpus.devices)
            ]
        }
        return Docker.ContainerRequest(
            image: image.text, entrypoint: specification.command.map { _ in ["/bin/sh", "-c"] },
            command: specification.command.map { [$0] },
            environment: specification.containerEnvironment,
            labels: [
                Label.instance: specification.instance, Label.project: specification.projectID,
                Label.pod: specification.podID,
            ], exposedPorts: Dictionary(ports.map { ($0, Docker.Nothing()) }) { first, _ in first },
            host: Docker.HostConfiguration(
                networkMode: DockerNetworks.name(specification.projectID),
                portBindings: Dictionary(ports.map { ($0, [binding]) }) { first, _ in first },
                mounts: specification.mounts.map { .init(source: $0.volumeID, target: $0.path) },
                memory: specification.memoryBytes, memoryAndSwap: specification.memoryBytes,
                nanoCPUs: Int64(specification.cpuMillicores) * 1_000_000, maxProcesses: specification.maxProcesses,
                // As much as a Linux system gives: the default of Docker is too small for most uses of GPUs.
                sharedMemory: specification.memoryBytes / 2,
                storageOptions: ["size": String(specification.diskBytes)], deviceRequests: gpus,
                runtime: specification.runtime))
    }

    func start(_ podID: String) throws {
        cache.forget(podID)
        defer { cache.forget(podID) }
        let response = try client.send("POST", .init("containers", podID, "start"))
        guard !response.isSuccess, response.status != 304 else { return }
        throw client.failure(response.status, response.body)
    }

    func stop(_ podID: String, graceSeconds: Int) throws {
        defer { cache.forget(podID) }
        try container(podID).stop(graceSeconds: graceSeconds)
    }

    func remove(_ podID: String) throws {
        defer {
            cache.forget(podID)
            usage.forget(podID)
        }
        var wait = EngineWait(seconds: 30)
        while true {
            let response = try client.send(
                "DELETE", .init("containers", podID).with("force", "true").with("v", "true"))
            switch response.status {
            case 404: return
            case 200..<300: if try container(podID).inspect() == nil { return }
            // Another request removes it.
            case 409: break
            default: throw client.failure(response.status, response.body)
            }
            guard wait.pause() else {
                throw EngineFailure(
                    kind: .failed, reason: "The engine has not removed the container within 30 seconds")
            }
        }
    }

    // MARK: - Observations

    func observe(_ podID: String) throws -> EngineObservation? {
        try container(podID).inspect().map { DockerObservations.observation(podID, $0) }
    }

    func observe(instance: String) throws -> [EngineObservation] {
        let filters = #"{"label":["\#(Label.instance)=\#(instance)"]}"#
        let list = try client.value(
            [Docker.Summary].self, "GET", .init("containers", "json").with("all", "true").with("filters", filters))
        var observations: [EngineObservation] = []
        observations.reserveCapacity(list.count)
        for summary in list {
            guard let podID = summary.labels?[Label.pod] else { continue }
            if let known = cache.observation(of: podID, summary) {
                observations.append(known)
                continue
            }
            let generation = cache.generation(of: podID)
            // It may have been removed meanwhile.
            guard let observation = try observe(podID) else { continue }
            cache.store(observation, summary, generation)
            observations.append(observation)
        }
        cache.keepOnly(Set(list.compactMap { $0.labels?[Label.pod] }))
        return observations
    }

    func waitForChanges(seconds: Double, _ cancellation: EngineCancellation) throws -> Set<String> {
        let filters =
            #"{"type":["container"],"label":["\#(Label.instance)"],"event":["create","start","die","oom","destroy"]}"#
        var last = lastEvent.change(waking: .none) { $0 }
        if last == nil {
            // From now on no event is lost between two waits, since the engine keeps the latest ones.
            last = try client.info(isFresh: true).time.flatMap { DockerTime.nanoseconds($0) }
            lastEvent.change(waking: .none) { $0 = $0 ?? last }
        }
        var target = DockerClient.Target("events").with("filters", filters)
        if let last { target = target.with("since", DockerTime.query(nanoseconds: last + 1)) }
        let changes = try DockerEvents.wait(client, target, seconds: seconds, cancellation)
        lastEvent.change(waking: .none) { $0 = [$0, changes.last].compactMap { $0 }.max() }
        for podID in changes.pods { cache.forget(podID) }
        return changes.pods
    }

    // MARK: - Data of a pod

    private func container(_ podID: String) -> DockerContainer { DockerContainer(client, podID) }

    func logs(
        _ podID: String, _ selection: EngineLogSelection, _ cancellation: EngineCancellation,
        receive: (EngineStream, UnsafeRawBufferPointer) throws -> Bool
    ) throws {
        try container(podID).logs(selection, cancellation, receive: receive)
    }

    func exec(
        _ podID: String, _ command: [String], _ cancellation: EngineCancellation,
        receive: (EngineStream, UnsafeRawBufferPointer) throws -> Bool
    ) throws -> Int {
        try container(podID).exec(command, cancellation, receive: receive)
    }

    func attach(_ podID: String, _ command: [String], terminal: EngineTerminalSize?) throws -> any EngineSession {
        try container(podID).attach(command, terminal: terminal)
    }

    func download(
        _ podID: String, path: String, _ cancellation: EngineCancellation,
        receive: (UnsafeRawBufferPointer) throws -> Bool
    ) throws {
        try container(podID).download(path: path, cancellation, receive: receive)
    }

    func upload(_ podID: String, path: String, next: () throws -> [UInt8]) throws {
        try container(podID).upload(path: path, next: next)
    }

    func statistics(_ podID: String) throws -> EngineStatistics {
        try usage.statistics(of: podID) { try container(podID).statistics() }
    }

    // MARK: - Images

    private func ensureImage(
        _ specification: EngineSpecification, _ progress: (String) -> Void
    ) throws -> DockerImageName {
        guard let image = DockerImageName(specification.image) else {
            throw EngineFailure(kind: .image, reason: "\"\(specification.image)\" is not the name of an image")
        }
        let response = try client.send("GET", .init(image: image, "json"))
        if response.status == 404 {
            try DockerPull.pull(image, specification.registry, client, progress)
        } else if !response.isSuccess {
            let failure = client.failure(response.status, response.body)
            throw failure.kind == .refused ? EngineFailure(kind: .image, reason: failure.reason) : failure
        }
        return image
    }

    // MARK: - Volumes and networks

    func ensureVolume(_ id: String, instance: String) throws {
        let request = Docker.VolumeRequest(name: id, labels: [Label.instance: instance])
        let response = try client.send("POST", .init("volumes", "create"), body: request)
        guard response.isSuccess else { throw client.failure(response.status, response.body) }
    }

    func removeVolume(_ id: String) throws {
        let response = try client.send("DELETE", .init("volumes", id))
        guard !response.isSuccess, response.status != 404 else { return }
        throw client.failure(response.status, response.body)
    }

    func removeNetwork(projectID: String) throws { try networks.remove(projectID: projectID) }
}

extension EngineSpecification {
    /// The variables of the container, as `NAME=value`.
    ///
    /// Where NVIDIA's runtime is the engine's default, it gives a container the GPUs that this variable names, and many
    /// images set it to `all`. A pod without GPUs must not get any. For the others, the engine sets it.
    fileprivate var containerEnvironment: [String] {
        let own = environment.filter { $0.name != Self.devicesVariable }.map { "\($0.name)=\($0.value)" }
        return gpus == nil ? own + ["\(Self.devicesVariable)=void"] : own
    }
}
