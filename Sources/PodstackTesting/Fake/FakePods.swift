import Podstack
import PodstackAPI

#if canImport(FoundationEssentials)
    import FoundationEssentials
#else
    import Foundation
#endif

// MARK: - Records

struct FakePod: Sendable {
    var model: Pod
    var accountID: String
    /// The runs, oldest first: their start and, unless it runs, their end.
    var runs: [(start: Int, end: Int?)] = []
    /// The events, oldest first.
    var events: [PodEvent] = []
    /// The text of the latest run.
    var output = ""

    var subject: FakeSubject {
        FakeSubject(type: "pod", id: model.id, name: model.name, accountID: accountID, projectID: model.projectID)
    }

    var isRunning: Bool { model.status == .running }
    var isTerminated: Bool { model.status == .terminated }

    /// Returns the seconds for which the pod ran, of those in a range.
    func seconds(from start: Int = 0, to end: Int) -> Int {
        runs.reduce(0) { $0 + max(0, min($1.end ?? end, end) - max($1.start, start)) }
    }

    /// Returns the cost of a number of seconds, rounded half up.
    func cost(ofSeconds seconds: Int) -> Amount {
        Amount(millionths: (model.pricePerHour.millionths * Int64(seconds) + 1800) / 3600)
    }
}

struct FakeVolume: Sendable {
    var model: Volume
    var accountID: String

    var subject: FakeSubject {
        FakeSubject(type: "volume", id: model.id, name: model.name, accountID: accountID, projectID: model.projectID)
    }
}

/// The pods, volumes and money of a fake service.
struct FakeEngine: Sendable {
    var maxPods = 100
    var maxVolumes = 100
    var pods: [FakePod] = []
    var volumes: [FakeVolume] = []
    /// The types of GPUs, by name; all of the others are not available.
    var gpus: [String: GPU] = [:]
    /// The credits by account.
    var credits: [String: Amount] = [:]
    /// Returns the result of a command in a pod; nil refuses all commands.
    var exec: (@Sendable (Pod, [String]) -> PodExecResult)?
}

// MARK: - Find

extension FakeState {
    private func visible(_ projectID: String, _ caller: FakeCaller) -> Bool {
        guard let member = member(caller.user.id, of: projectID) else { return false }
        return member.isActive && member.displayedPermissions.contains(.read)
            && caller.token.projectIDs?.contains(projectID) ?? true
    }

    /// Returns the index of a pod, on which the caller may perform an operation.
    private func pod(_ id: String, _ scope: Scope, _ request: FakeRequest, _ caller: FakeCaller) throws -> Int {
        guard let index = engine.pods.firstIndex(where: { $0.model.id == id }),
            member(caller.user.id, of: engine.pods[index].model.projectID) != nil,
            request.project == nil || request.project == engine.pods[index].model.projectID
        else { throw FakeError.notFound("pod", id) }
        try require(scope, in: engine.pods[index].model.projectID, caller)
        return index
    }

    private func volume(_ id: String, _ scope: Scope, _ caller: FakeCaller) throws -> Int {
        guard let index = engine.volumes.firstIndex(where: { $0.model.id == id }),
            member(caller.user.id, of: engine.volumes[index].model.projectID) != nil
        else { throw FakeError.notFound("volume", id) }
        try require(scope, in: engine.volumes[index].model.projectID, caller)
        return index
    }

    private func model(_ pod: FakePod) -> Pod {
        var model = pod.model
        model.cost = pod.cost(ofSeconds: pod.seconds(to: now))
        return model
    }

    /// Returns the project of a new resource.
    private func project(_ fields: inout FakeFields, _ request: FakeRequest, _ caller: FakeCaller) -> String {
        let named = fields.string("project_id")
        if let named, let header = request.project, header != named {
            fields.refuse("project_id", "differs from X-Project-ID")
        }
        return named ?? request.project ?? caller.user.defaultProjectID
    }

    /// Returns a name of 1 to 63 characters of `a-z`, `0-9` and `-`.
    private func name(_ fields: inout FakeFields, isRequired: Bool) -> String? {
        guard fields["name"] != nil else {
            if isRequired { fields.refuse("name", "is missing") }
            return nil
        }
        guard let name = fields.string("name") else { return nil }
        let isPlain = name.utf8.allSatisfy { (0x61...0x7A).contains($0) || (0x30...0x39).contains($0) || $0 == 0x2D }
        if !(1...63).contains(name.utf8.count) || !isPlain || name.hasPrefix("-") || name.hasSuffix("-") {
            fields.refuse(
                "name", "must have 1 to 63 characters of a-z, 0-9 and -, and begin and end with a letter or digit")
        }
        return name
    }

    private func creator(_ caller: FakeCaller) -> Pod.Creator {
        Pod.Creator(userID: caller.user.id, email: caller.user.email, tokenID: caller.token.id)
    }
}

// MARK: - Pods

extension FakeState {
    private static let podFields = [
        "name", "image", "gpu_type", "gpu_count", "cpu", "memory", "disk", "ports", "env", "command", "volumes",
        "labels",
        "project_id", "registry_auth", "stop_after", "delete_after", "max_cost", "token_scopes",
    ]

    func podList(_ request: FakeRequest, _ caller: FakeCaller) throws -> TransportResponse {
        try request.checkQuery(["status", "label", "name", "limit", "cursor"])
        let status = request.query("status")
        let labels = request.queries("label").map { $0.split(separator: "=", maxSplits: 1).map(String.init) }
        let found = engine.pods.filter { pod in
            let model = pod.model
            guard visible(model.projectID, caller), request.project.map({ $0 == model.projectID }) ?? true,
                status.map({ $0 == model.status.rawValue }) ?? !pod.isTerminated,
                request.query("name").map({ $0 == model.name }) ?? true
            else { return false }
            return labels.allSatisfy { model.labels[$0.first ?? ""] == ($0.count == 2 ? $0[1] : "") }
        }
        let pods = found.map(model).sorted { ($0.createdAt, $0.id) > ($1.createdAt, $1.id) }
        return try page(request, pods.map { (Int($0.createdAt.timeIntervalSince1970), $0) })
    }

    mutating func createPod(_ request: FakeRequest, _ caller: FakeCaller) throws -> TransportResponse {
        var fields = try request.fields(of: "a pod", Self.podFields)
        let projectID = project(&fields, request, caller)
        let name = name(&fields, isRequired: true)
        if fields["image"] == nil { fields.refuse("image", "is missing") }
        let image = fields.string("image")
        let gpuType = fields["gpu_type"] == .null ? nil : fields.string("gpu_type")
        let gpuCount = fields["gpu_count"]?.integerValue ?? (gpuType == nil ? 0 : 1)
        if gpuType == nil, gpuCount != 0 { fields.refuse("gpu_count", "needs gpu_type") }
        let limits = limits(&fields, of: Pod.Limits())
        var ports: [Int] = []
        if case .array(let values)? = fields["ports"] { ports = values.compactMap(\.integerValue) }
        var env: [String] = []
        if case .object(let values)? = fields["env"] { env = values.keys.sorted() }
        var mounts: [Pod.VolumeMount] = []
        if case .array(let values)? = fields["volumes"] {
            mounts = try values.map { try APICoding.decode(Pod.VolumeMount.self, from: APICoding.encode($0)) }
        }
        let labels = labels(&fields) ?? [:]
        let scopes = fields.strings("token_scopes", orNull: true) ?? nil
        let command = fields["command"] == .null ? nil : fields.string("command")
        let (cpu, memory, disk) = (fields["cpu"]?.doubleValue, fields["memory"], fields["disk"])
        try fields.check()
        try require(.podsCreate, in: projectID, caller)
        try checkName(
            name ?? "", in: projectID,
            engine.pods.filter { !$0.isTerminated }.map(\.model).map { ($0.name, $0.projectID) }, "pod")
        for mount in mounts { _ = try volume(mount.volumeID, .volumesRead, caller) }
        let count = engine.pods.count { $0.accountID == caller.user.accountID && !$0.isTerminated }
        guard count < engine.maxPods else {
            throw FakeError.quota("pods", "pods", limit: engine.maxPods, current: count, "delete one first")
        }
        let price = try price(of: gpuType, count: gpuCount)
        let model = Pod(
            id: newID("pod_"), name: name ?? "", projectID: projectID, image: image ?? "", gpuType: gpuType,
            gpuCount: gpuCount, cpu: cpu ?? 4, memory: memory?.integerValue ?? 16, disk: disk?.integerValue ?? 50,
            ports: ports.map { Pod.Port(containerPort: $0) }, env: env, command: command, volumes: mounts,
            labels: labels, status: .creating, createdAt: Date(seconds: now), pricePerHour: price, cost: .zero,
            limits: limits, tokenScopes: scopes?.map(Scope.init(rawValue:)), createdBy: creator(caller), isStale: false)
        var pod = FakePod(model: model, accountID: caller.user.accountID)
        try requireCover(pod)
        for mount in mounts {
            guard let index = engine.volumes.firstIndex(where: { $0.model.id == mount.volumeID }) else { continue }
            engine.volumes[index].model.podIDs.append(model.id)
        }
        Self.run(&pod, at: now)
        engine.pods.append(pod)
        record("create", pod.subject, by: caller, ["name": .string(model.name), "image": .string(model.image)])
        return try .json(self.model(pod), status: 201)
    }

    private func labels(_ fields: inout FakeFields) -> [String: String]? {
        guard let value = fields["labels"] else { return nil }
        guard case .object(let pairs) = value, pairs.values.allSatisfy({ $0.stringValue != nil }) else {
            fields.refuse("labels", "must be an object of strings")
            return nil
        }
        return pairs.compactMapValues(\.stringValue)
    }

    private func limits(_ fields: inout FakeFields, of old: Pod.Limits) -> Pod.Limits {
        var limits = old
        func seconds(_ name: String, _ value: inout Int?) {
            guard let field = fields[name] else { return }
            let units: [Character: Int] = ["s": 1, "m": 60, "h": 3600, "d": 86_400]
            let text = field.stringValue
            let parsed =
                field.integerValue
                ?? text.flatMap { text in
                    text.last.flatMap { units[$0] }.flatMap { unit in Int(text.dropLast()).map { $0 * unit } }
                }
            if field != .null, parsed.map({ $0 < 1 }) ?? true {
                fields.refuse(name, "must be a number of seconds, or a number and a unit such as 2h")
            }
            value = parsed
        }
        seconds("stop_after", &limits.stopAfter)
        seconds("delete_after", &limits.deleteAfter)
        if let field = fields["max_cost"] {
            limits.maxCost = field.doubleValue.flatMap { Amount($0) }
            if field != .null, limits.maxCost.map({ $0 <= .zero }) ?? true {
                fields.refuse("max_cost", "must be a number above 0")
            }
        }
        return limits
    }

    private func checkName(_ name: String, in project: String, _ taken: [(String, String)], _ kind: String) throws {
        guard !taken.contains(where: { $0 == (name, project) }) else {
            throw FakeError.conflict("The project already has a \(kind) with the name \(name)")
        }
    }

    private func price(of gpuType: String?, count: Int) throws -> Amount {
        guard let gpuType else { return .zero }
        guard let gpu = engine.gpus[gpuType], gpu.total >= count, count > 0 else {
            throw FakeError(
                status: 409, code: .gpuNotAvailable, message: "There are no \(count) GPUs of the type \(gpuType)",
                details: ["gpu_type": .string(gpuType), "available_types": .strings(engine.gpus.keys.sorted())])
        }
        return Amount(millionths: gpu.pricePerHour.millionths * Int64(count))
    }

    private static func run(_ pod: inout FakePod, at now: Int) {
        pod.model.status = .running
        pod.model.node = "fake"
        (pod.model.startedAt, pod.model.finishedAt, pod.model.exitCode) = (Date(seconds: now), nil, nil)
        pod.model.ports = pod.model.ports.enumerated().map {
            Pod.Port(containerPort: $1.containerPort, address: "127.0.0.1:\(49152 + $0)")
        }
        pod.runs.append((now, nil))
        pod.events.append(PodEvent(timestamp: Date(seconds: now), type: "started", message: "The pod was started"))
    }

    private static func end(_ pod: inout FakePod, as status: Pod.Status, at now: Int) {
        if pod.isRunning {
            pod.runs[pod.runs.count - 1].end = now
            (pod.model.finishedAt, pod.model.exitCode) = (Date(seconds: now), 143)
            pod.events.append(PodEvent(timestamp: Date(seconds: now), type: "stopped", message: "The pod was stopped"))
        }
        pod.model.status = status
        pod.model.ports = pod.model.ports.map { Pod.Port(containerPort: $0.containerPort) }
    }

    func getPod(_ id: String, _ request: FakeRequest, _ caller: FakeCaller) throws -> TransportResponse {
        try .json(model(engine.pods[try pod(id, .podsRead, request, caller)]))
    }

    mutating func updatePod(_ id: String, _ request: FakeRequest, _ caller: FakeCaller) throws -> TransportResponse {
        let index = try pod(id, .podsUpdate, request, caller)
        var fields = try request.fields(of: "a pod", ["name", "labels", "stop_after", "delete_after", "max_cost"])
        let (name, labels) = (name(&fields, isRequired: false), labels(&fields))
        let limits = limits(&fields, of: engine.pods[index].model.limits)
        try fields.check()
        if let name, name != engine.pods[index].model.name {
            let taken = engine.pods.filter { !$0.isTerminated }.map { ($0.model.name, $0.model.projectID) }
            try checkName(name, in: engine.pods[index].model.projectID, taken, "pod")
            engine.pods[index].model.name = name
        }
        if let labels { engine.pods[index].model.labels = labels }
        engine.pods[index].model.limits = limits
        record("update", engine.pods[index].subject, by: caller)
        return try .json(model(engine.pods[index]))
    }

    mutating func act(
        _ action: String, _ id: String, _ request: FakeRequest, _ caller: FakeCaller
    ) throws -> TransportResponse {
        try request.checkQuery(action == "stop" ? ["force"] : [])
        let index = try pod(id, .podsUpdate, request, caller)
        var pod = engine.pods[index]
        guard !pod.isTerminated else { throw Self.wrongState("terminated", required: "stopped", "The pod is deleted") }
        if action != "start", pod.isRunning { Self.end(&pod, as: .stopped, at: now) }
        if action != "stop", !pod.isRunning {
            try requireCover(pod)
            Self.run(&pod, at: now)
        }
        engine.pods[index] = pod
        record(action, pod.subject, by: caller)
        return try .json(model(pod), status: 202)
    }

    mutating func deletePod(_ id: String, _ request: FakeRequest, _ caller: FakeCaller) throws -> TransportResponse {
        try request.checkQuery(["force"])
        let index = try pod(id, .podsDelete, request, caller)
        guard !engine.pods[index].isTerminated else { return .noContent }
        guard !engine.pods[index].isRunning || request.query("force") == "true" else {
            throw Self.wrongState("running", required: "stopped", "The pod is running; stop it first, or use force")
        }
        Self.end(&engine.pods[index], as: .terminated, at: now)
        for volume in engine.volumes.indices { engine.volumes[volume].model.podIDs.removeAll { $0 == id } }
        record("delete", engine.pods[index].subject, by: caller)
        return .noContent
    }

    private static func wrongState(_ current: String, required: String, _ message: String) -> FakeError {
        FakeError(
            status: 409, code: .conflict, message: message,
            details: ["current_state": .string(current), "required_state": .string(required)])
    }

    private func runningPod(_ id: String, _ scope: Scope, _ request: FakeRequest, _ caller: FakeCaller) throws
        -> FakePod
    {
        let pod = engine.pods[try pod(id, scope, request, caller)]
        guard pod.isRunning else {
            throw Self.wrongState(pod.model.status.rawValue, required: "running", "The pod must be running")
        }
        return pod
    }

    // MARK: - Inside

    func podLogs(_ id: String, _ request: FakeRequest, _ caller: FakeCaller) throws -> TransportResponse {
        try request.checkQuery(["tail", "since", "follow", "timestamps"])
        var lines = engine.pods[try pod(id, .podsRead, request, caller)].output
            .split(separator: "\n", omittingEmptySubsequences: false)
        if lines.last?.isEmpty == true { lines.removeLast() }
        if let tail = request.query("tail").flatMap({ Int($0) }) { lines = Array(lines.suffix(max(0, tail))) }
        return TransportResponse(
            status: 200, headers: [HeaderField("Content-Type", "text/plain; charset=utf-8")],
            body: Array(lines.map { "\($0)\n" }.joined().utf8))
    }

    func exec(_ id: String, _ request: FakeRequest, _ caller: FakeCaller) throws -> TransportResponse {
        let pod = try runningPod(id, .podsUpdate, request, caller)
        var fields = try request.fields(of: "a command", ["command", "timeout_seconds", "terminal"])
        let command = fields.strings("command") ?? nil
        if command?.isEmpty != false { fields.refuse("command", "must name a program") }
        try fields.check()
        guard let exec = engine.exec, let command else {
            throw FakeError(status: 503, code: .unavailable, message: "This service has no container engine")
        }
        return try .json(exec(pod.model, command))
    }

    func podMetrics(_ id: String, _ request: FakeRequest, _ caller: FakeCaller) throws -> TransportResponse {
        let pod = try runningPod(id, .podsRead, request, caller)
        let total = Int64(pod.model.memory) << 30
        return try .json(
            PodMetrics(
                timestamp: Date(seconds: now), cpuUsage: 50, memoryUsed: total / 4, memoryTotal: total))
    }

    func podEvents(_ id: String, _ request: FakeRequest, _ caller: FakeCaller) throws -> TransportResponse {
        try request.checkQuery(["limit", "cursor"])
        let pod = engine.pods[try pod(id, .podsRead, request, caller)]
        return try .json(Page(elements: Array(pod.events.reversed()), nextCursor: nil))
    }
}

// MARK: - Volumes

extension FakeState {
    func volumeList(_ request: FakeRequest, _ caller: FakeCaller) throws -> TransportResponse {
        try request.checkQuery(["limit", "cursor"])
        let found = engine.volumes.map(\.model).filter { volume in
            visible(volume.projectID, caller) && request.project.map { $0 == volume.projectID } ?? true
        }
        let sorted = found.sorted { ($0.createdAt, $0.id) > ($1.createdAt, $1.id) }
        return try page(request, sorted.map { (Int($0.createdAt.timeIntervalSince1970), $0) })
    }

    mutating func createVolume(_ request: FakeRequest, _ caller: FakeCaller) throws -> TransportResponse {
        var fields = try request.fields(of: "a volume", ["name", "project_id"])
        let (projectID, name) = (project(&fields, request, caller), name(&fields, isRequired: true))
        try fields.check()
        try require(.volumesCreate, in: projectID, caller)
        try checkName(name ?? "", in: projectID, engine.volumes.map { ($0.model.name, $0.model.projectID) }, "volume")
        let count = engine.volumes.count { $0.accountID == caller.user.accountID }
        guard count < engine.maxVolumes else {
            throw FakeError.quota("volumes", "volumes", limit: engine.maxVolumes, current: count, "delete one first")
        }
        let volume = FakeVolume(
            model: Volume(
                id: newID("vol_"), name: name ?? "", projectID: projectID, createdAt: Date(seconds: now),
                createdBy: creator(caller), podIDs: []),
            accountID: caller.user.accountID)
        engine.volumes.append(volume)
        record("create", volume.subject, by: caller)
        return try .json(volume.model, status: 201)
    }

    func getVolume(_ id: String, _ caller: FakeCaller) throws -> TransportResponse {
        try .json(engine.volumes[try volume(id, .volumesRead, caller)].model)
    }

    mutating func deleteVolume(_ id: String, _ caller: FakeCaller) throws -> TransportResponse {
        let index = try volume(id, .volumesDelete, caller)
        let volume = engine.volumes[index]
        guard volume.model.podIDs.isEmpty else {
            throw FakeError(
                status: 409, code: .conflict, message: "Pods mount the volume; delete them first",
                details: ["pod_ids": .strings(volume.model.podIDs)])
        }
        engine.volumes.remove(at: index)
        record("delete", volume.subject, by: caller)
        return .noContent
    }
}

// MARK: - Money

extension FakeState {
    func gpuList() throws -> TransportResponse {
        let gpus = engine.gpus.values.sorted { $0.id < $1.id }.map { gpu in
            var gpu = gpu
            let used = engine.pods.filter { $0.isRunning && $0.model.gpuType == gpu.id }
                .reduce(0) { $0 + $1.model.gpuCount }
            gpu.available = max(0, gpu.total - used)
            return gpu
        }
        return try .json(Page(elements: gpus, nextCursor: nil))
    }

    private func spent(_ accountID: String, since start: Int = 0) -> Amount {
        engine.pods.filter { $0.accountID == accountID }
            .reduce(Amount.zero) { $0 + $1.cost(ofSeconds: $1.seconds(from: start, to: now)) }
    }

    /// Throws unless the wallet covers a minute of a pod.
    private func requireCover(_ pod: FakePod) throws {
        guard pod.model.pricePerHour > .zero else { return }
        let required = pod.cost(ofSeconds: 60)
        let available = (engine.credits[pod.accountID] ?? .zero) - spent(pod.accountID)
        guard available < required else { return }
        throw FakeError(
            status: 402, code: .insufficientBalance, message: "The wallet does not cover the pod",
            details: [
                "required_amount": .number(required.doubleValue), "available_amount": .number(available.doubleValue),
                "limit": "wallet",
            ])
    }

    /// The first second of this month, in UTC.
    private var startOfMonth: Int {
        let text = Timestamp.format(Date(seconds: now))
        let date = Timestamp.parse(text.prefix(7) + "-01T00:00:00Z") ?? Date(seconds: now)
        return Int(date.timeIntervalSince1970)
    }

    func wallet(_ caller: FakeCaller) throws -> TransportResponse {
        let account = caller.user.accountID
        let (credited, spent) = (engine.credits[account] ?? .zero, spent(account))
        return try .json(
            Wallet(
                balance: credited - spent, credited: credited, spent: spent,
                spentThisMonth: self.spent(account, since: startOfMonth)))
    }

    func usage(_ request: FakeRequest, _ caller: FakeCaller) throws -> TransportResponse {
        try request.checkQuery(["from", "to", "group_by"])
        let grouping = request.query("group_by") ?? "day"
        guard ["day", "token", "project", "pod"].contains(grouping) else {
            throw FakeError.invalid(["group_by": ["must be day, token, project or pod"]])
        }
        let from = try request.time("from").map { Int($0.timeIntervalSince1970) } ?? startOfMonth
        let to = try request.time("to").map { Int($0.timeIntervalSince1970) } ?? now
        guard from <= to else { throw FakeError.invalid(["to": ["must not be before from"]]) }
        var rows: [String: Usage.Row] = [:]
        func add(_ key: String, _ name: String?, _ pod: FakePod, from start: Int, to end: Int) {
            let seconds = pod.seconds(from: start, to: end)
            guard seconds > 0 else { return }
            var row = rows[key] ?? Usage.Row(key: key, name: name, seconds: 0, gpuSeconds: 0, cost: .zero)
            row.seconds += Int64(seconds)
            row.gpuSeconds += Int64(seconds * pod.model.gpuCount)
            row.cost = row.cost + pod.cost(ofSeconds: seconds)
            rows[key] = row
        }
        let end = min(to, now)
        for pod in engine.pods where pod.accountID == caller.user.accountID {
            let model = pod.model
            switch grouping {
            case "token":
                let id = model.createdBy.tokenID ?? ""
                add(id, tokens.first { $0.id == id }?.name, pod, from: from, to: end)
            case "project":
                add(model.projectID, projects.first { $0.id == model.projectID }?.name, pod, from: from, to: end)
            case "pod": add(model.id, model.name, pod, from: from, to: end)
            default:
                for day in stride(from: from / 86_400 * 86_400, to: end, by: 86_400) {
                    let key = String(Timestamp.format(Date(seconds: day)).prefix(10))
                    add(key, nil, pod, from: max(day, from), to: min(day + 86_400, end))
                }
            }
        }
        let sorted = rows.values.sorted {
            grouping == "day" ? $0.key < $1.key : ($1.cost, $0.key) < ($0.cost, $1.key)
        }
        return try .json(
            Usage(
                from: Date(seconds: from), to: Date(seconds: to), groupBy: Usage.Grouping(rawValue: grouping),
                rows: sorted,
                totalCost: sorted.reduce(Amount.zero) { $0 + $1.cost }))
    }
}

extension SpendLimit {
    /// Returns whether this limit never allows more than another one.
    func isWithin(_ other: SpendLimit) -> Bool {
        let periods = [Period.day, .month, .total]
        guard let own = periods.firstIndex(of: period), let outer = periods.firstIndex(of: other.period) else {
            return false
        }
        return own >= outer && amount <= other.amount
    }

    /// The values that the audit log records.
    var audited: JSONValue { ["amount": .number(amount.doubleValue), "period": .string(period.rawValue)] }
}
