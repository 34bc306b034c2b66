import PodstackTransport

/// Runs pods on the nodes of a Docker Swarm.
///
/// A pod is the service whose name is the pod's ID. It has at most one container. The swarm chooses the node when the pod
/// starts, or this class does for a pod with GPUs; see ``SwarmSchedule``. The pod waits until a node has what it needs. A stop
/// ends the container through the engine of its node, so that its times, its exit code and its output stay; the next start
/// creates another one. The swarm never restarts a container that has ended.
///
/// A pod on a node that does not respond is lost. Its service is scaled to none first, so that the node ends the container
/// when it comes back, and no run of it is reported any more.
final class SwarmEngine: PodEngine {
    private let client: DockerClient
    private let services: SwarmServices
    private let nodes: SwarmNodes
    private let networks: DockerNetworks
    private let volumes: SwarmVolumes
    private let cache = SwarmObservationCache()
    private let usage = DockerUsage()
    /// Held while devices are assigned.
    private let scheduling = Monitor(())
    /// The states of all tasks when they were last read, by pod; nil before the first wait.
    private let fingerprints = Monitor<[String: String]?>(nil)

    private typealias Label = DockerEngine.Label

    /// The seconds between two looks at all tasks.
    private static let pollSeconds = 1.0
    /// The seconds for which a start waits until the pod runs, or waits for a node.
    private static let startSeconds = 10
    /// The seconds that a program has to end by itself when the swarm stops its pod.
    private static let graceSeconds: Int64 = 10

    /// Creates the engine.
    ///
    /// - Parameters:
    ///   - address: The place of a manager.
    ///   - identity: The certificates for the engines of the nodes; nil if all of them have sockets.
    init(_ address: EngineEndpoint.Address, identity: EngineEndpoint.Identity?) {
        let client = DockerClient(address)
        self.client = client
        services = SwarmServices(client: client)
        nodes = SwarmNodes(client, identity: identity)
        networks = DockerNetworks(client, driver: "overlay")
        volumes = SwarmVolumes(services: services, nodes: nodes)
    }

    // MARK: - Capabilities

    func capabilities() throws -> EngineCapabilities {
        let negotiated = try client.negotiate()
        let info = try client.info(isFresh: true)
        guard info.swarm?.state == "active" else {
            throw EngineFailure(
                kind: .refused,
                reason: "The engine is not part of a Docker Swarm: run docker swarm init, or docker swarm join")
        }
        guard info.swarm?.isManager == true else {
            throw EngineFailure(
                kind: .refused, reason: "The engine is not a manager of its Docker Swarm: name the engine of a manager")
        }
        let swarm = try client.value(Docker.SwarmInspection.self, "GET", .init("swarm"))
        guard swarm.specification.orchestration?.history ?? 5 > 0 else {
            throw EngineFailure(
                kind: .refused,
                reason: "The swarm does not keep ended tasks, so it cannot tell how a pod ended:"
                    + " run docker swarm update --task-history-limit 5")
        }
        let placement = try placement(isFresh: true)
        return EngineCapabilities(
            name: "Docker Swarm \(negotiated.engineVersion)", apiVersion: negotiated.apiVersion.description,
            isCluster: true, gpus: placement.gpus, limitsDisk: false,
            processors: placement.nodes.filter { !$0.isDown }.map(\.processors).max(),
            memoryBytes: placement.nodes.filter { !$0.isDown }.map(\.memoryBytes).max(),
            warnings: try warnings(placement))
    }

    /// Returns the reasons why nodes run no pods.
    private func warnings(_ placement: SwarmPlacement) throws -> [String] {
        try nodes.all().values.sorted { $0.name < $1.name }.compactMap { node in
            if let problem = nodes.problem(of: node) { return problem }
            if !placement.nodes.contains(node) {
                return "The node \(node.name) has no label \(SwarmNode.Label.noNewPrivileges)=true"
            }
            if node.isDown { return "The node \(node.name) does not respond" }
            return node.devices.isEmpty || node.gpuType != nil
                ? nil : "The node \(node.name) has GPUs and no label \(SwarmNode.Label.gpuType)"
        }
    }

    private func placement(isFresh: Bool = false) throws -> SwarmPlacement {
        try SwarmPlacement(
            try nodes.all(isFresh: isFresh).values, try client.negotiate().apiVersion,
            hasEngine: { nodes.problem(of: $0) == nil })
    }

    // MARK: - Pods

    func ensure(_ specification: EngineSpecification, progress: (String) -> Void) throws {
        let podID = specification.podID
        if let existing = try services.find(podID) { return try requireOwn(existing, specification) }
        try requireExpressible(specification)
        let placement = try placement()
        let fitting = try placement.nodes(for: specification)
        let home = try volumes.home(of: specification, fitting)
        let image = try SwarmImages.resolve(specification, client, nodes, fitting, progress)
        let network = try networks.ensure(projectID: specification.projectID, instance: specification.instance)
        let labels = [
            Label.instance: specification.instance, Label.project: specification.projectID,
            Label.pod: specification.podID,
        ]
        var secrets: [Docker.ServiceRequest.Container.Secret] = []
        for (index, file) in specification.secretFiles.enumerated() {
            let name = Self.secretName(podID, index)
            let id = try services.ensureSecret(name, file.content, labels: labels)
            secrets.append(.init(id: id, name: name, file: .init(path: file.path)))
        }
        var request = Self.request(specification, image: image, network: network, labels: labels)
        request.task.placement.constraints = placement.constraints
        if let home {
            request.task.container.labels[SwarmPlacement.homeLabel] = home
            request.task.placement.constraints.append(SwarmPlacement.constraint(nodeID: home))
        }
        request.task.container.secrets = secrets
        if placement.setsNoNewPrivileges { request.task.container.privileges = .init() }
        var headers: [HeaderField] = []
        if let name = DockerImageName(specification.image) {
            headers = try DockerPull.headers(specification.registry, name)
        }
        guard try !services.create(request, headers: headers) else { return }
        try requireOwn(try services.require(podID), specification)
    }

    private func requireOwn(_ service: Docker.Service, _ specification: EngineSpecification) throws {
        guard service.specification.labels?[Label.instance] == specification.instance else {
            throw EngineFailure(
                kind: .conflict,
                reason: "The swarm has a service \(specification.podID) that does not belong to this one")
        }
    }

    /// Refuses what a service cannot have, so that no pod runs with less than was asked for.
    private func requireExpressible(_ specification: EngineSpecification) throws {
        if let runtime = specification.runtime {
            throw EngineFailure(
                kind: .refused,
                reason: "A Docker Swarm cannot choose the runtime \(runtime): make it the default-runtime of the nodes'"
                    + " engines, and start the service without --pod-runtime")
        }
        if !specification.ports.isEmpty, !["0.0.0.0", "::"].contains(specification.publishAddress) {
            throw EngineFailure(
                kind: .refused,
                reason: "A Docker Swarm publishes ports on all addresses of a node, and --pods-address is"
                    + " \(specification.publishAddress): the operator allows it with --pods-address 0.0.0.0")
        }
        if let name = specification.environment.first(where: { SwarmEnvironment.isReserved($0.name) })?.name {
            throw EngineFailure(
                kind: .refused,
                reason: "The variable \(name) would choose the GPUs of a node, which only the swarm does")
        }
    }

    private static func secretName(_ podID: String, _ index: Int) -> String { "\(podID)-\(index)" }

    private static func request(
        _ specification: EngineSpecification, image: String, network: String, labels: [String: String]
    ) -> Docker.ServiceRequest {
        let nanoCPUs = Int64(specification.cpuMillicores) * 1_000_000
        let memory = specification.memoryBytes
        let mounts = specification.mounts.map { mount in
            Docker.ServiceRequest.Mount(
                type: "volume", source: mount.volumeID, target: SwarmEnvironment.escaped(mount.path),
                volume: .init(labels: [Label.instance: specification.instance]))
        }
        // As much as a Linux system gives: the default of Docker is too small for most uses of GPUs.
        let sharedMemory = Docker.ServiceRequest.Mount(
            type: "tmpfs", target: "/dev/shm", memory: .init(size: memory / 2))
        var containerLabels = labels
        if let gpus = specification.gpus {
            containerLabels[SwarmSchedule.Label.type] = gpus.type
            containerLabels[SwarmSchedule.Label.count] = String(gpus.count)
        }
        let container = Docker.ServiceRequest.Container(
            image: image, entrypoint: specification.command.map { _ in ["/bin/sh", "-c"] },
            arguments: specification.command.map { [$0] }, environment: SwarmEnvironment.variables(of: specification),
            labels: containerLabels, mounts: mounts + [sharedMemory], secrets: [],
            stopGracePeriod: graceSeconds * 1_000_000_000)
        return Docker.ServiceRequest(
            name: specification.podID, labels: labels,
            task: .init(
                container: container,
                resources: .init(
                    limits: .init(nanoCPUs: nanoCPUs, memory: memory, maxProcesses: specification.maxProcesses),
                    reservations: .init(nanoCPUs: nanoCPUs, memory: memory)),
                placement: .init(constraints: []), networks: [.init(target: network)]),
            endpoint: .init(ports: specification.ports.map { Docker.Task.Port(target: $0) }))
    }

    func start(_ podID: String) throws {
        cache.forget(podID)
        let service = try services.require(podID)
        let current = SwarmTasks.current(of: service, try services.tasks(of: podID))
        // Without a task, the swarm has not created the one of the latest start yet.
        let isStarted =
            service.replicas > 0
            && current.map { SwarmTasks.isLive($0) && $0.desiredState != "shutdown" && $0.desiredState != "remove" }
                ?? (service.generation > 0)
        if !isStarted {
            if SwarmSchedule.Need(service) != nil {
                try startWaiting(including: podID)
            } else {
                try begin(podID, try placement())
            }
        }
        var wait = EngineWait(seconds: Self.startSeconds)
        while try isStarting(podID), wait.pause() {}
    }

    /// Tells the swarm to create a container of a pod.
    private func begin(
        _ podID: String, _ placement: SwarmPlacement, _ assignment: SwarmSchedule.Assignment? = nil
    ) throws {
        try services.change(podID) { specification in
            specification.constraints = placement.constraints(replacingIn: specification.constraints)
            assignment?.apply(to: &specification)
            specification.replicas = 1
            specification.generation += 1
        }
    }

    /// Starts the pods that wait for GPUs which are free now.
    ///
    /// - Parameter podID: A pod that has to start, and waits from now on if it cannot; nil for none.
    /// - Throws: ``EngineFailure``.
    private func startWaiting(including podID: String? = nil) throws {
        // Two pods that start at once must not get the same devices.
        try scheduling.change(waking: .none) { _ in
            let placement = try placement(isFresh: true)
            let assignments = try assignments(placement, including: podID)
            for (waiting, assignment) in assignments {
                do { try begin(waiting, placement, assignment) } catch let failure as EngineFailure {
                    // A pod that is removed at the same time does not hold up the others.
                    guard failure.kind == .notFound, waiting != podID else { throw failure }
                }
            }
            guard let podID, assignments[podID] == nil else { return }
            let time = String(SystemClock.milliseconds())
            try services.change(podID) { specification in
                specification.replicas = 0
                if specification.labels[SwarmSchedule.Label.waiting] == nil {
                    specification.labels[SwarmSchedule.Label.waiting] = time
                }
            }
        }
    }

    /// Returns the nodes and devices for the waiting pods whose GPUs are free.
    private func assignments(
        _ placement: SwarmPlacement, including podID: String? = nil
    ) throws -> [String: SwarmSchedule.Assignment] {
        let services = try services.list(label: Label.instance)
        let needs = services.filter { $0.waitingSince != nil || $0.specification.name == podID }
            .compactMap(SwarmSchedule.Need.init)
        guard !needs.isEmpty else { return [:] }
        var schedule = SwarmSchedule(placement.nodes, services, try self.services.tasks(label: Label.instance))
        return schedule.assign(needs)
    }

    /// Returns whether a start is still in progress: the pod neither runs, nor has failed, nor waits for a node.
    private func isStarting(_ podID: String) throws -> Bool {
        let service = try services.require(podID)
        if service.waitingSince != nil { return false }
        guard let task = SwarmTasks.current(of: service, try services.tasks(of: podID)) else { return true }
        switch SwarmTasks.state(of: task, try nodes.all()) {
        case .waiting: return task.status.error ?? "" == ""
        case .preparing: return true
        case .container, .failed, .lost, .discarded: return false
        }
    }

    func stop(_ podID: String, graceSeconds: Int) throws {
        defer { cache.forget(podID) }
        guard let service = try services.find(podID), service.waitingSince == nil,
            let task = SwarmTasks.current(of: service, try services.tasks(of: podID))
        else {
            // It waits for GPUs, or the swarm may be about to create a task.
            try scaleToNone(podID)
            return
        }
        let nodes = try nodes.all()
        switch SwarmTasks.state(of: task, nodes) {
        case .failed: return
        case .container(let id):
            if let node = task.nodeID.flatMap({ nodes[$0] }) {
                do {
                    try self.nodes.ask(node) { try DockerContainer($0, id).stop(graceSeconds: graceSeconds) }
                } catch let failure as EngineFailure where failure.kind == .failed {
                    // The swarm reaches the node, even though this service does not.
                    try scaleToNone(podID)
                }
            }
        case .waiting, .preparing, .lost, .discarded: try scaleToNone(podID)
        }
        var wait = EngineWait(seconds: max(Int(Self.graceSeconds), graceSeconds) + 20)
        while try hasLiveTask(podID), wait.pause() {}
    }

    private func scaleToNone(_ podID: String) throws {
        do {
            guard let service = try services.find(podID), service.replicas > 0 || service.waitingSince != nil else {
                return
            }
            try services.change(podID) { specification in
                specification.replicas = 0
                specification.labels[SwarmSchedule.Label.waiting] = nil
            }
        } catch let failure as EngineFailure where failure.kind == .notFound {
            return
        }
    }

    /// Returns whether a pod has a task that may run on a node that responds.
    private func hasLiveTask(_ podID: String) throws -> Bool {
        let tasks = try services.tasks(of: podID)
        let nodes = try nodes.all()
        return tasks.contains { SwarmTasks.isLive($0) && !SwarmTasks.isLost($0, nodes) }
    }

    func remove(_ podID: String) throws {
        defer {
            cache.forget(podID)
            usage.forget(podID)
        }
        let tasks = try services.tasks(of: podID)
        let nodes = try nodes.all(isFresh: true)
        var containers: [(node: SwarmNode, id: String)] = []
        for task in tasks where !SwarmTasks.isLost(task, nodes) {
            guard let id = SwarmTasks.containerID(of: task), let node = task.nodeID.flatMap({ nodes[$0] }), !node.isDown
            else { continue }
            containers.append((node, id))
            // The swarm would give the program time to end by itself.
            if SwarmTasks.isLive(task) {
                try? self.nodes.ask(node) { try DockerContainer($0, id).stop(graceSeconds: 0) }
            }
        }
        try services.remove(podID)
        var wait = EngineWait(seconds: 30)
        while try hasLiveTask(podID) || containers.contains(where: { exists($0.id, on: $0.node) }) {
            guard wait.pause() else {
                throw EngineFailure(kind: .failed, reason: "The swarm has not removed the container within 30 seconds")
            }
        }
        for name in try services.secrets(label: "\(Label.pod)=\(podID)") { try services.removeSecret(name) }
    }

    /// Returns whether a node still has a container; false if it cannot be asked.
    private func exists(_ id: String, on node: SwarmNode) -> Bool {
        (try? nodes.ask(node) { try DockerContainer($0, id).inspect() != nil }) ?? false
    }

    // MARK: - Observations

    func observe(_ podID: String) throws -> EngineObservation? {
        let nodes = try nodes.all()
        guard var service = try services.find(podID) else {
            if try hasLiveTask(podID) { return EngineObservation(podID: podID, state: .removing) }
            // A removal that was interrupted has left them.
            if try !services.secrets(label: "\(Label.pod)=\(podID)").isEmpty {
                try remove(podID)
            }
            return nil
        }
        if service.waitingSince != nil {
            try startWaiting()
            service = try services.require(podID)
        }
        let tasks = try services.tasks(of: podID)
        let observation = try observation(podID, service, tasks, nodes, isFresh: true)
        if let task = SwarmTasks.current(of: service, tasks), SwarmTasks.isLost(task, nodes) {
            // The node ends the container when it comes back.
            try scaleToNone(podID)
        }
        return observation
    }

    func observe(instance: String) throws -> [EngineObservation] {
        let label = "\(Label.instance)=\(instance)"
        // The tasks are read first: a service without its tasks would look as if it had never run.
        let tasks = Dictionary(grouping: try services.tasks(label: label), by: \.serviceID)
        let nodes = try nodes.all()
        var observations: [EngineObservation] = []
        var known: Set<String> = []
        var pods: Set<String> = []
        for service in try services.list(label: label) {
            let podID = service.specification.name
            known.insert(service.id)
            pods.insert(podID)
            do {
                observations.append(
                    try observation(podID, service, tasks[service.id] ?? [], nodes, isFresh: false))
            } catch let failure as EngineFailure where failure.kind == .failed {
                // A node that cannot be asked must not hide the pods of the others.
                observations.append(EngineObservation(podID: podID, state: .unknown))
            }
        }
        cache.keepOnly(pods)
        for (serviceID, left) in tasks where !known.contains(serviceID) {
            // A service that was created between the two requests is found the next time.
            guard let podID = left.first?.specification.container?.labels?[Label.pod],
                left.contains(where: { SwarmTasks.isLive($0) && !SwarmTasks.isLost($0, nodes) })
            else { continue }
            observations.append(EngineObservation(podID: podID, state: .removing))
        }
        return observations
    }

    private func observation(
        _ podID: String, _ service: Docker.Service, _ tasks: [Docker.Task], _ nodes: [String: SwarmNode], isFresh: Bool
    ) throws -> EngineObservation {
        if let need = SwarmSchedule.Need(service), need.waitingSince != nil {
            return EngineObservation(
                podID: podID,
                state: .pending(
                    need.count == 1
                        ? "The pod waits for a free GPU of the type \(need.type)"
                        : "The pod waits for \(need.count) free GPUs of the type \(need.type) on one node"))
        }
        guard let task = SwarmTasks.current(of: service, tasks) else {
            let isWanted = service.replicas > 0
            return EngineObservation(podID: podID, state: isWanted ? .pending("The pod waits for a node") : .created)
        }
        let node = task.nodeID.flatMap { nodes[$0] }
        let name = node?.name ?? task.nodeID ?? "that has left the swarm"
        switch SwarmTasks.state(of: task, nodes) {
        case .waiting(let reason): return EngineObservation(podID: podID, state: .pending(reason))
        case .preparing:
            return EngineObservation(
                podID: podID, state: .pending("The node \(name) pulls the image and creates the container"), node: name)
        case .failed(let reason): return EngineObservation(podID: podID, state: .failed(reason), node: name)
        case .lost: return try cache.lost(podID, task, node: name)
        case .discarded:
            return EngineObservation(podID: podID, state: SwarmTasks.isLive(task) ? .unknown : .created)
        case .container(let id):
            if !isFresh, let known = cache.observation(of: podID, task) { return known }
            let observation = try observation(podID, task, container: id, node, name)
            cache.store(observation, task)
            return observation
        }
    }

    private func observation(
        _ podID: String, _ task: Docker.Task, container id: String, _ node: SwarmNode?, _ name: String
    ) throws -> EngineObservation {
        let known = cache.observation(of: podID, task)
        if let node, !node.isDown {
            do {
                let container = try nodes.ask(node) { try DockerContainer($0, id).inspect() }
                if let container {
                    var observation = DockerObservations.observation(podID, container)
                    observation.node = name
                    observation.addresses = observation.state == .running ? SwarmTasks.addresses(of: task, node) : [:]
                    return observation
                }
                guard !SwarmTasks.isLive(task) else {
                    throw EngineFailure(kind: .failed, reason: "The node \(name) no longer has the pod's container")
                }
            } catch let failure as EngineFailure where failure.kind == .failed {
                // The last observation still holds: the swarm reports no change of the task since.
                if let known { return known }
                throw failure
            }
        }
        if let known { return known }
        // The node has gone, or its operator has removed the container: only the end of the run is known.
        let start = cache.start(of: podID, task)
        return EngineObservation(
            podID: podID, state: .exited(code: task.status.container?.exitCode ?? 0, isOutOfMemory: false),
            startedAt: start, finishedAt: start == nil ? nil : task.status.timestamp.flatMap(DockerTime.milliseconds),
            node: name)
    }

    func waitForChanges(seconds: Double, _ cancellation: EngineCancellation) throws -> Set<String> {
        let deadline = ContinuousClock.now + .seconds(seconds)
        var isFirst = true
        while true {
            // A swarm has no events about tasks.
            var podIDs = try changedPods()
            // Devices may also become free by a node that comes back.
            if !isFirst || !podIDs.isEmpty { podIDs.formUnion(try startablePods()) }
            isFirst = false
            if !podIDs.isEmpty { return podIDs }
            guard ContinuousClock.now < deadline, !cancellation.wait(seconds: Self.pollSeconds) else { return [] }
        }
    }

    /// Returns the pods whose tasks have changed since the last call.
    private func changedPods() throws -> Set<String> {
        let nodes = try nodes.all(isFresh: true)
        let tasks = Dictionary(grouping: try services.tasks(label: Label.instance)) {
            $0.specification.container?.labels?[Label.pod] ?? ""
        }
        let states = tasks.mapValues { SwarmTasks.fingerprint($0, nodes) }
        let known = fingerprints.change(waking: .none) { known in
            defer { known = states }
            return known
        }
        guard let known else { return [] }
        return Set(states.keys).union(known.keys).filter { !$0.isEmpty && states[$0] != known[$0] }
    }

    /// Returns the pods that wait for GPUs which are free now.
    private func startablePods() throws -> Set<String> {
        guard try !services.list(label: SwarmSchedule.Label.waiting).isEmpty else { return [] }
        return Set(try assignments(try placement()).keys)
    }

    // MARK: - Data of a pod

    /// Asks the node of a pod about the container of its latest run.
    private func withContainer<Result>(_ podID: String, _ body: (DockerContainer) throws -> Result) throws -> Result? {
        let service = try services.require(podID)
        let nodes = try nodes.all()
        let tasks = try services.tasks(of: podID).sorted { $0.createdAt > $1.createdAt }
        // A start that failed leaves the container of the run before.
        let ordered = ([SwarmTasks.current(of: service, tasks)] + tasks).compactMap { $0 }
        for task in ordered {
            guard let id = SwarmTasks.containerID(of: task) else { continue }
            guard let node = task.nodeID.flatMap({ nodes[$0] }), !node.isDown else {
                throw EngineFailure(kind: .failed, reason: "The node of the pod does not respond")
            }
            return try self.nodes.ask(node) { try body(DockerContainer($0, id)) }
        }
        return nil
    }

    private func requireContainer<Result>(_ podID: String, _ body: (DockerContainer) throws -> Result) throws -> Result
    {
        guard let result = try withContainer(podID, body) else {
            throw EngineFailure(kind: .conflict, reason: "The pod has no container yet")
        }
        return result
    }

    func logs(
        _ podID: String, _ selection: EngineLogSelection, _ cancellation: EngineCancellation,
        receive: (EngineStream, UnsafeRawBufferPointer) throws -> Bool
    ) throws {
        _ = try withContainer(podID) { try $0.logs(selection, cancellation, receive: receive) }
    }

    func exec(
        _ podID: String, _ command: [String], _ cancellation: EngineCancellation,
        receive: (EngineStream, UnsafeRawBufferPointer) throws -> Bool
    ) throws -> Int {
        try requireContainer(podID) { try $0.exec(command, cancellation, receive: receive) }
    }

    func attach(_ podID: String, _ command: [String], terminal: EngineTerminalSize?) throws -> any EngineSession {
        try requireContainer(podID) { try $0.attach(command, terminal: terminal) }
    }

    func download(
        _ podID: String, path: String, _ cancellation: EngineCancellation,
        receive: (UnsafeRawBufferPointer) throws -> Bool
    ) throws {
        try requireContainer(podID) { try $0.download(path: path, cancellation, receive: receive) }
    }

    func upload(_ podID: String, path: String, next: () throws -> [UInt8]) throws {
        try requireContainer(podID) { try $0.upload(path: path, next: next) }
    }

    func statistics(_ podID: String) throws -> EngineStatistics {
        try requireContainer(podID) { container in
            try usage.statistics(of: podID) { try container.statistics() }
        }
    }

    // MARK: - Volumes and networks

    /// Does nothing: a volume is created on the node of the first pod that mounts it.
    func ensureVolume(_: String, instance _: String) throws {}

    func removeVolume(_ id: String) throws { try volumes.remove(id) }

    func removeNetwork(projectID: String) throws { try networks.remove(projectID: projectID) }
}
