import PodstackAPI

/// The rules of pods: creating, changing, starting, stopping, restarting and deleting them.
///
/// A command changes the row only. The ``PodController`` then makes the engine follow.
struct PodService: Sendable {
    let database: any Database
    let billing: Billing
    let tokens: TokenService
    let sealing: SealedValues
    let link: EngineLink
    /// The most pods that an account may have.
    let maxPods: Int
    /// Returns the time in milliseconds since 1970.
    let now: @Sendable () -> Int64

    // MARK: - Reading

    /// Returns a page of the pods that a caller may read, newest first.
    func list(
        _ selection: PodStore.Selection, _ page: PageRequest
    ) throws -> (page: [Pod], next: Cursor?) {
        let time = now()
        return try database.read { connection in
            let found = try PodStore.list(
                selection, now: time, limit: page.limit + 1, after: page.after, in: connection)
            let (listed, next) = page.page(of: found, bytes: \.pod.listedBytes) {
                Cursor(position: $0.pod.createdAt, id: $0.pod.id)
            }
            let costs = try billing.costs(of: listed.map(\.pod.id), now: time, in: connection)
            return (
                listed.map {
                    $0.pod.apiModel(email: $0.email, cost: costs[$0.pod.id] ?? 0, isStale: link.isStale)
                }, next
            )
        }
    }

    /// Returns a pod that the caller may use.
    ///
    /// - Parameters:
    ///   - id: The pod.
    ///   - scope: The scope that the caller needs in the pod's project.
    ///   - authority: The caller's permissions.
    /// - Returns: The pod.
    /// - Throws: The same ``DomainError/notFound(_:id:)`` if the pod does not exist, and if it is in a project that the
    ///   user is not a member of.
    func pod(_ id: String, for scope: Scope, _ authority: Authority) throws -> PodRecord {
        let pod = try database.read { try PodStore.find(id, in: $0) }
        return try Self.checked(pod, id, for: scope, authority)
    }

    /// Returns a pod that the caller may use, in the transaction in which the caller's permissions are read.
    func find(
        _ id: String, for scope: Scope, _ authority: Authority, in connection: any DatabaseConnection
    ) throws -> PodRecord {
        try Self.checked(try PodStore.find(id, in: connection), id, for: scope, authority)
    }

    private static func checked(
        _ pod: PodRecord?, _ id: String, for scope: Scope, _ authority: Authority
    ) throws -> PodRecord {
        guard let pod else { throw DomainError.notFound(.pod, id: id) }
        do { try authority.require(scope, in: pod.projectID) } catch let error as DomainError {
            // The project would tell that the pod exists.
            if case .notFound = error { throw DomainError.notFound(.pod, id: id) }
            throw error
        }
        return pod
    }

    /// Returns a pod in which the caller may run commands, and whose files it may read and write.
    ///
    /// A caller that can do that can also read the pod's own token, so it must be the user for whom the token acts, with a
    /// token that allows as much.
    ///
    /// - Parameters:
    ///   - id: The pod.
    ///   - authority: The caller's permissions.
    ///   - connection: The connection.
    /// - Returns: The pod.
    /// - Throws: ``DomainError/notFound(_:id:)`` as ``pod(_:for:_:)``; ``DomainError/forbidden(_:)``.
    func reachablePod(
        _ id: String, _ authority: Authority, in connection: any DatabaseConnection
    ) throws -> PodRecord {
        let pod = try Self.checked(try PodStore.find(id, in: connection), id, for: .podsUpdate, authority)
        guard let tokenID = pod.ownTokenID, let token = try TokenStore.find(tokenID, in: connection),
            token.revokedAt == nil, !token.isExpired(at: now() / 1000)
        else { return pod }
        guard token.userID == authority.grant.userID else {
            throw DomainError.forbidden(.podActsForAnotherUser(podID: pod.id))
        }
        try tokens.checkHandingOut(token, to: authority.grant, in: connection)
        return pod
    }

    /// Returns a pod if the caller of a change has a scope in its project.
    func find(_ id: String, for scope: Scope, in change: Change) throws -> PodRecord {
        try find(id, for: scope, try change.authority, in: change.connection)
    }

    /// Returns the description of a pod for the API.
    func apiModel(of pod: PodRecord, in connection: any DatabaseConnection) throws -> Pod {
        let email = try UserStore.find(id: pod.userID, in: connection)?.email
        let costs = try billing.costs(of: [pod.id], now: now(), in: connection)
        return pod.apiModel(email: email, cost: costs[pod.id] ?? 0, isStale: link.isStale)
    }

    func apiModel(of pod: PodRecord) throws -> Pod { try database.read { try apiModel(of: pod, in: $0) } }

    /// Returns a page of a pod's events, newest first.
    func events(of podID: String, _ page: PageRequest) throws -> (page: [PodEvent], next: Cursor?) {
        let found = try database.read {
            try PodEventStore.list(
                podID: podID, before: page.after?.position, limit: page.limit + 1, in: $0)
        }
        let (events, next) = page.page(of: found, bytes: { 120 + $0.event.message.utf8.count }) {
            Cursor(position: $0.number, id: podID)
        }
        return (events.map(\.event), next)
    }

    /// Returns the numbers of a project's pods and volumes, by kind.
    @Sendable static func countResources(
        of projectID: String, in connection: any DatabaseConnection
    ) throws -> [String: Int] {
        [
            "pods": try PodStore.countAlive(projectID: projectID, in: connection),
            "volumes": try VolumeStore.count(projectID: projectID, in: connection),
        ]
    }

    // MARK: - Create

    /// Limits the default size to the cores and the memory of the engine, so that a first pod runs on a small machine.
    ///
    /// A request that names exactly the default is limited too.
    private func limitDefaultSize(of pod: inout PodRecord) {
        guard let capabilities = link.capabilities else { return }
        if pod.configuration.cpuMillicores == PodRequest.defaultCPUMillicores, let processors = capabilities.processors
        {
            pod.configuration.cpuMillicores = min(pod.configuration.cpuMillicores, processors * 1000)
        }
        if pod.configuration.memoryGiB == PodRequest.defaultMemoryGiB, let memory = capabilities.memoryBytes {
            pod.configuration.memoryGiB = min(pod.configuration.memoryGiB, max(1, Int(memory >> 30)))
        }
    }

    /// Creates a pod, which the controller then starts.
    ///
    /// - Parameters:
    ///   - request: The request.
    ///   - id: The ID of the new pod, which no pod has; nil for a random one.
    ///   - namedProjectID: The project that the request's header names; nil for none.
    ///   - change: The change in which the pod is created.
    /// - Returns: The pod.
    /// - Throws: ``DomainError`` with the reason why the pod cannot be created.
    func create(
        _ request: PodRequest, id: String? = nil, inProject namedProjectID: String? = nil, in change: Change
    ) throws -> PodRecord {
        _ = try link.require()
        let connection = change.connection
        let project = try project(request.projectID, namedProjectID, for: .podsCreate, in: change)
        guard try PodStore.find(name: request.name, projectID: project.id, in: connection) == nil else {
            throw DomainError.conflict("A pod named \(request.name) exists in the project; choose another name")
        }
        let count = try PodStore.countAlive(accountID: project.accountID, in: connection)
        guard count < maxPods else {
            throw DomainError.quotaExceeded(QuotaExcess(resource: "pods", limit: maxPods, current: count))
        }
        try checkVolumes(request.configuration.volumes, in: project.id, change)
        let caller = try change.grant
        let time = now()
        var pod = PodRecord(
            id: id ?? Identifier.generate("pod_"), accountID: project.accountID, projectID: project.id,
            userID: caller.userID, tokenID: caller.tokenID, chargedTokenID: caller.tokenID, name: request.name,
            configuration: request.configuration, labels: request.labels,
            gpuType: request.gpuType, gpuCount: request.gpuCount, devices: [], pricePerHour: 0, limits: request.limits,
            createdAt: time, changedAt: time)
        limitDefaultSize(of: &pod)
        // In a cluster a pod waits until GPUs are free, but not for a type that no node has.
        if let type = pod.gpuType, let gpus = link.capabilities?.gpus, gpus[type] == nil {
            throw DomainError.gpuNotAvailable(type: type, availableTypes: gpus.keys.sorted())
        }
        pod.pricePerHour = try price(of: pod, in: connection)
        pod.devices = try assignDevices(to: pod, in: connection)
        try billing.requireCover(pod.charge, now: time, in: connection)
        var secrets = request.secrets
        if let scopes = request.tokenScopes {
            let (token, secret) = try tokens.create(
                scopes: scopes, ofPod: (pod.id, pod.name), projectID: project.id, in: change)
            pod.ownTokenID = token.id
            secrets.token = secret
        }
        let sealed = secrets.isEmpty ? nil : sealing.seal(try APICoding.encode(secrets), for: pod.id)
        pod.lastEventNumber = 0
        try PodStore.insert(pod, sealed: sealed, in: connection)
        try PodEventStore.append(.created, "The pod was created", of: &pod, at: time, in: connection)
        try PodStore.update(pod, in: connection)
        try change.record(.create, on: AuditResource(pod), pod.audited)
        return pod
    }

    /// Returns the project of a request: the one that its body or its header names, or the user's default project.
    private func project(
        _ bodyID: String?, _ headerID: String?, for scope: Scope, in change: Change
    ) throws -> ProjectRecord {
        try ProjectChoice.project(bodyID, headerID, for: scope, in: change)
    }

    private func checkVolumes(
        _ mounts: [PodConfiguration.Mount], in projectID: String, _ change: Change
    ) throws {
        guard !mounts.isEmpty else { return }
        // The pod's program can read and change what the volumes contain.
        try change.authority.require(.volumesRead, in: projectID)
        for mount in mounts {
            let volume = try VolumeStore.find(mount.volumeID, in: change.connection)
            guard let volume, volume.projectID == projectID, volume.deletedAt == nil else {
                throw DomainError.invalid(
                    "volumes", "must name volumes of the pod's project; \(mount.volumeID) is not one")
            }
        }
    }

    private func price(of pod: PodRecord, in connection: any DatabaseConnection) throws -> Int64 {
        var gpuType = pod.gpuType
        // In a cluster, a type without a price is free of charge, also while its nodes are down.
        if let type = gpuType, link.capabilities?.gpus != nil,
            try !BillingStore.gpuTypes(in: connection).contains(where: { $0.name == type })
        {
            gpuType = nil
        }
        return try billing.pricePerHour(
            gpuType: gpuType, gpuCount: pod.gpuCount, cpuMillicores: pod.configuration.cpuMillicores,
            memoryGiB: pod.configuration.memoryGiB, diskGiB: pod.configuration.diskGiB, in: connection)
    }

    /// Returns devices for a pod that does not hold any; the ones that it had before if they are free.
    private func assignDevices(to pod: PodRecord, in connection: any DatabaseConnection) throws -> [String] {
        guard let type = pod.gpuType, pod.gpuCount > 0, link.capabilities?.isCluster != true else { return [] }
        let used = try BillingStore.usedDevices(in: connection)
        if pod.devices.count == pod.gpuCount, !pod.devices.contains(where: used.contains),
            let known = try BillingStore.gpuTypes(in: connection).first(where: { $0.name == type }),
            pod.devices.allSatisfy(known.devices.contains)
        {
            return pod.devices
        }
        return try billing.assign(pod.gpuCount, of: type, used: used, in: connection)
    }

    // MARK: - Update

    /// Changes the name, the labels or the limits of a pod.
    func update(_ id: String, _ request: PodUpdate, in change: Change) throws -> PodRecord {
        let old = try find(id, for: .podsUpdate, in: change)
        try checkIsNotDeleted(old)
        var pod = old
        if let name = request.name, name != pod.name {
            guard try PodStore.find(name: name, projectID: pod.projectID, in: change.connection) == nil else {
                throw DomainError.conflict("A pod named \(name) exists in the project; choose another name")
            }
            pod.name = name
        }
        if let labels = request.labels { pod.labels = labels }
        if let seconds = request.stopAfterSeconds { pod.limits.stopAfterSeconds = seconds }
        if let seconds = request.deleteAfterSeconds { pod.limits.deleteAfterSeconds = seconds }
        if let cost = request.maxCost { pod.limits.maxCost = cost }
        guard pod != old else { return pod }
        if pod.limits.isLooser(than: old.limits) { try checkSpending(of: pod, in: change) }
        pod.changedAt = now()
        try PodEventStore.append(.updated, "The pod was changed", of: &pod, at: pod.changedAt, in: change.connection)
        try PodStore.update(pod, in: change.connection)
        if pod.labels != old.labels { try PodStore.updateLabels(of: pod, in: change.connection) }
        try change.record(.update, on: AuditResource(pod), .changed(from: old.audited, to: pod.audited))
        return pod
    }

    /// Checks that a token with a spend limit does not let a pod spend more on the account of another token.
    private func checkSpending(of pod: PodRecord, in change: Change) throws {
        let caller = try change.grant
        guard let own = caller.spendLimit, let callerID = caller.tokenID, pod.chargedTokenID != callerID else { return }
        let payers = try pod.chargedTokenID.map { try BillingStore.lineage(of: $0, in: change.connection) } ?? []
        guard payers.contains(callerID) else { throw DomainError.forbidden(.exceedsSpendLimit(own)) }
    }

    private func checkIsNotDeleted(_ pod: PodRecord) throws {
        guard pod.state.desired == .terminated else { return }
        throw DomainError.wrongState(
            "The pod is deleted", current: pod.state.status.rawValue, required: PodStatus.stopped.rawValue)
    }

    // MARK: - Start, stop, restart, delete

    /// Starts a pod that is stopped or failed; does nothing if it runs, or is about to.
    func start(_ id: String, in change: Change) throws -> PodRecord {
        _ = try link.require()
        let pod = try find(id, for: .podsUpdate, in: change)
        try checkIsNotDeleted(pod)
        guard pod.state.desired != .running else { return pod }
        return try requestRun(of: pod, .start, .startRequested, "A start was requested", in: change)
    }

    /// Stops and starts a pod; starts it if it does not run.
    func restart(_ id: String, in change: Change) throws -> PodRecord {
        _ = try link.require()
        let pod = try find(id, for: .podsUpdate, in: change)
        try checkIsNotDeleted(pod)
        // The run that was requested before has not begun yet, so it becomes the new one.
        guard !pod.state.awaitsRun else { return pod }
        return try requestRun(of: pod, .restart, .restartRequested, "A restart was requested", in: change)
    }

    private func requestRun(
        of old: PodRecord, _ action: AuditAction, _ kind: PodEventKind, _ message: String, in change: Change
    ) throws -> PodRecord {
        var pod = old
        pod.changedAt = now()
        pod.pricePerHour = try price(of: pod, in: change.connection)
        var replaces = false
        if !pod.holdsDevices {
            let devices = try assignDevices(to: pod, in: change.connection)
            replaces = devices != pod.devices
            pod.devices = devices
        }
        pod.chargedTokenID = try change.grant.tokenID
        try billing.requireCover(pod.charge, now: pod.changedAt, in: change.connection)
        pod.state.requestRun(replaces: replaces)
        return try record(pod, action, kind, message, in: change)
    }

    /// Stops a pod; does nothing if it does not run.
    ///
    /// - Parameters:
    ///   - id: The pod.
    ///   - isForced: Whether to kill the program at once.
    ///   - change: The change.
    /// - Returns: The pod.
    /// - Throws: ``DomainError`` if the pod does not exist or is being deleted.
    func stop(_ id: String, isForced: Bool = false, in change: Change) throws -> PodRecord {
        _ = try link.require()
        var pod = try find(id, for: .podsUpdate, in: change)
        let isDone = pod.state.desired != .running && (!isForced || !pod.state.isRunOpen || pod.state.graceSeconds == 0)
        guard !isDone, pod.state.desired != .terminated || isForced else { return pod }
        pod.changedAt = now()
        pod.state.requestStop(graceSeconds: isForced ? 0 : PodState.graceSeconds)
        return try record(
            pod, .stop, .stopRequested, isForced ? "A forced stop was requested" : "A stop was requested",
            in: change)
    }

    /// Deletes a pod; the controller removes it from the engine.
    ///
    /// - Parameters:
    ///   - id: The pod.
    ///   - isForced: Whether to delete a pod that runs, and to kill its program at once.
    ///   - change: The change.
    /// - Returns: The pod; nil if it is gone already.
    /// - Throws: ``DomainError`` if the pod does not exist, or runs and the deletion is not forced.
    func delete(_ id: String, isForced: Bool = false, in change: Change) throws -> PodRecord? {
        let pod = try find(id, for: .podsDelete, in: change)
        if pod.isTerminated { return nil }
        _ = try link.require()
        if pod.state.desired == .terminated, !isForced || pod.state.graceSeconds == 0 { return pod }
        guard isForced || !pod.state.isRunOpen else {
            throw DomainError.wrongState(
                "The pod runs; stop it first, or delete it with force=true", current: pod.state.status.rawValue,
                required: PodStatus.stopped.rawValue)
        }
        return try delete(pod, isForced: isForced, in: change)
    }

    /// Deletes a pod without checking permissions, for example with its project.
    @discardableResult
    func delete(_ pod: PodRecord, isForced: Bool, in change: Change) throws -> PodRecord {
        var pod = pod
        pod.changedAt = now()
        pod.state.requestDeletion(graceSeconds: isForced ? 0 : PodState.graceSeconds)
        try PodTermination.revokeOwnToken(of: pod, in: change)
        return try record(pod, .delete, .deleteRequested, "The deletion was requested", in: change)
    }

    private func record(
        _ pod: PodRecord, _ action: AuditAction, _ kind: PodEventKind, _ message: String, in change: Change
    ) throws -> PodRecord {
        var pod = pod
        try PodEventStore.append(kind, message, of: &pod, at: pod.changedAt, in: change.connection)
        try PodStore.update(pod, in: change.connection)
        try change.record(action, on: AuditResource(pod))
        return pod
    }
}

/// The end of a pod's own token.
enum PodTermination {
    static func revokeOwnToken(of pod: PodRecord, in change: Change) throws {
        guard let id = pod.ownTokenID, let token = try TokenStore.find(id, in: change.connection) else { return }
        try TokenService.revoke(token, because: "pod deleted", in: change)
    }
}

/// The project that a new pod or volume belongs to.
enum ProjectChoice {
    /// Returns the project that the body or the header of a request names, or else the user's default project.
    ///
    /// - Parameters:
    ///   - bodyID: The project of the body.
    ///   - headerID: The project of the header.
    ///   - scope: The scope that the caller needs in the project.
    ///   - change: The change.
    /// - Returns: The project.
    /// - Throws: ``DomainError/invalid(_:)`` if both are named and differ.
    static func project(
        _ bodyID: String?, _ headerID: String?, for scope: Scope, in change: Change
    ) throws -> ProjectRecord {
        if let bodyID, let headerID, bodyID != headerID {
            throw DomainError.invalid("project_id", "must be the project of the header X-Project-ID, if both are given")
        }
        let userID = try change.grant.userID
        let id = try bodyID ?? headerID ?? UserStore.find(id: userID, in: change.connection)?.defaultProjectID
        guard let id else { throw DomainError.inconsistent }
        try change.authority.require(scope, in: id)
        guard let project = try ProjectStore.find(id, in: change.connection) else {
            throw DomainError.notFound(.project, id: id)
        }
        return project
    }
}
