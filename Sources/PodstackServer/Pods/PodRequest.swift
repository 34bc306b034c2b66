import PodstackAPI

// The requests that create and change pods. JSON bodies and forms are read into the `Values` of a request; its initializer
// is the one place that validates them.

// MARK: - Create

/// A valid request to create a pod.
struct PodRequest: Sendable, Equatable {
    /// The values of a request before they are validated; nil for a value that is missing.
    struct Values: Sendable {
        var name: String?
        var image: String?
        var gpuType: String?
        var gpuCount: Int?
        /// The number of CPU cores.
        var cpu: Double?
        /// GiB.
        var memory: Int?
        var disk: Int?
        var ports: [Int]?
        var environment: [String: String]?
        var command: String?
        var volumes: [(volumeID: String, mountPath: String)]?
        var labels: [String: String]?
        var projectID: String?
        var registry: (username: String, password: String)?
        /// Seconds.
        var stopAfter: Int?
        var deleteAfter: Int?
        var maxCost: Double?
        var tokenScopes: [String]?
    }

    var name = ""
    /// Nil for the user's default project.
    var projectID: String?
    var configuration: PodConfiguration
    var labels: [String: String] = [:]
    var gpuType: String?
    var gpuCount = 0
    var limits = PodLimits()
    var tokenScopes: [Scope]?
    var secrets = PodSecrets()

    /// Validates the values of a request.
    ///
    /// - Parameters:
    ///   - values: The values of the request.
    ///   - problems: Problems of fields that were found when the values were read.
    /// - Throws: ``DomainError/invalid(_:)`` with the problems of all fields.
    init(_ values: Values, problems: FieldErrors = FieldErrors()) throws(DomainError) {
        var problems = problems
        configuration = PodConfiguration(
            image: "", cpuMillicores: Self.defaultCPUMillicores, memoryGiB: Self.defaultMemoryGiB,
            diskGiB: Self.defaultDiskGiB, ports: [], environment: [], command: nil, volumes: [], tokenScopes: nil)
        if let name = values.name {
            self.name = problems.collect("name") { () throws(InvalidValue) in try PodRules.name(name) } ?? ""
        } else {
            problems.addMissing("name")
        }
        if let image = values.image {
            configuration.image =
                problems.collect("image") { () throws(InvalidValue) in try PodRules.image(image) } ?? ""
        } else {
            problems.addMissing("image")
        }
        projectID = values.projectID
        collectGPUs(values, &problems)
        collectSizes(values, &problems)
        if let ports = values.ports {
            configuration.ports =
                problems.collect("ports") { () throws(InvalidValue) in try PodRules.ports(ports) } ?? []
        }
        if let environment = values.environment {
            let hasToken = values.tokenScopes != nil
            secrets.environment =
                problems.collect("env") { () throws(InvalidValue) in
                    try PodRules.environment(environment, hasOwnToken: hasToken)
                } ?? [:]
            configuration.environment = secrets.environment.keys.sorted()
        }
        if let command = values.command {
            configuration.command = problems.collect("command") { () throws(InvalidValue) in
                try PodRules.command(command)
            }
        }
        if let volumes = values.volumes {
            configuration.volumes =
                problems.collect("volumes") { () throws(InvalidValue) in try PodRules.mounts(volumes) } ?? []
        }
        if let labels = values.labels {
            self.labels = problems.collect("labels") { () throws(InvalidValue) in try PodRules.labels(labels) } ?? [:]
        }
        if let registry = values.registry {
            secrets.registry = problems.collect("registry_auth") { () throws(InvalidValue) in
                try PodRules.registry(registry)
            }
        }
        limits = problems.collectLimits(values.stopAfter, values.deleteAfter, values.maxCost)
        tokenScopes = problems.collectScopes(values.tokenScopes, of: "token_scopes")
        configuration.tokenScopes = tokenScopes?.map(\.description)
        try problems.throwIfAny()
    }

    static let defaultCPUMillicores = 4000
    static let defaultMemoryGiB = 16
    static let defaultDiskGiB = 50
    static let maxGPUs = 64

    private mutating func collectGPUs(_ values: Values, _ problems: inout FieldErrors) {
        if let type = values.gpuType {
            gpuType = problems.collect("gpu_type") { () throws(InvalidValue) in try PodRules.gpuType(type) }
        }
        switch (values.gpuType, values.gpuCount) {
        case (nil, nil), (nil, 0): break
        case (nil, _): problems.add("requires gpu_type", to: "gpu_count")
        case (_, nil): gpuCount = 1
        case (_, let count?):
            gpuCount = count
            if !(1...Self.maxGPUs).contains(count) {
                problems.add("must be a number from 1 to \(Self.maxGPUs)", to: "gpu_count")
            }
        }
    }

    private mutating func collectSizes(_ values: Values, _ problems: inout FieldErrors) {
        if let cores = values.cpu {
            configuration.cpuMillicores =
                problems.collect("cpu") { () throws(InvalidValue) in try PodRules.millicores(cores) } ?? 0
        }
        if let memory = values.memory {
            configuration.memoryGiB =
                problems.collect("memory") { () throws(InvalidValue) in try PodRules.gibibytes(memory) } ?? 0
        }
        if let disk = values.disk {
            configuration.diskGiB =
                problems.collect("disk") { () throws(InvalidValue) in try PodRules.gibibytes(disk) } ?? 0
        }
    }
}

// MARK: - Update

/// A valid request to change a pod; nil leaves a value as it is.
struct PodUpdate: Sendable, Equatable {
    /// The values of a request before they are validated; `.some(nil)` removes a limit.
    struct Values: Sendable {
        var name: String?
        var labels: [String: String]?
        var stopAfter: Int??
        var deleteAfter: Int??
        var maxCost: Double??
    }

    private(set) var name: String?
    private(set) var labels: [String: String]?
    private(set) var stopAfterSeconds: Int64??
    private(set) var deleteAfterSeconds: Int64??
    private(set) var maxCost: Int64??

    /// Validates the values of a request.
    ///
    /// - Parameters:
    ///   - values: The values of the request.
    ///   - problems: Problems of fields that were found when the values were read.
    /// - Throws: ``DomainError/invalid(_:)`` with the problems of all fields.
    init(_ values: Values, problems: FieldErrors = FieldErrors()) throws(DomainError) {
        var problems = problems
        if let text = values.name {
            name = problems.collect("name") { () throws(InvalidValue) in try PodRules.name(text) }
        }
        if let labels = values.labels {
            self.labels = problems.collect("labels") { () throws(InvalidValue) in try PodRules.labels(labels) }
        }
        let limits = problems.collectLimits(
            values.stopAfter ?? nil, values.deleteAfter ?? nil, values.maxCost ?? nil)
        if values.stopAfter != nil { stopAfterSeconds = .some(limits.stopAfterSeconds) }
        if values.deleteAfter != nil { deleteAfterSeconds = .some(limits.deleteAfterSeconds) }
        if values.maxCost != nil { maxCost = .some(limits.maxCost) }
        try problems.throwIfAny()
    }
}

extension FieldErrors {
    fileprivate mutating func collectLimits(_ stopAfter: Int?, _ deleteAfter: Int?, _ maxCost: Double?) -> PodLimits {
        var limits = PodLimits()
        if let stopAfter {
            limits.stopAfterSeconds = collect("stop_after") { () throws(InvalidValue) in
                try PodRules.seconds(stopAfter)
            }
        }
        if let deleteAfter {
            limits.deleteAfterSeconds = collect("delete_after") { () throws(InvalidValue) in
                try PodRules.seconds(deleteAfter)
            }
        }
        if let maxCost {
            limits.maxCost = collect("max_cost") { () throws(InvalidValue) in try PodRules.amount(maxCost) }
        }
        return limits
    }
}

// MARK: - Rules

/// The rules for the values of a pod.
enum PodRules {
    private static let maxImageBytes = 512
    private static let maxCommandBytes = 16 << 10
    private static let maxEnvironmentBytes = 64 << 10
    private static let maxPorts = 32
    private static let maxVolumes = 16
    private static let maxLabels = 64
    private static let maxLabelName = 63
    private static let maxLabelValue = 255
    private static let maxPathBytes = 255
    private static let maxGibibytes = 65_536
    /// Ten years.
    private static let maxSeconds = 315_360_000

    /// The variable with the path of the pod's own token.
    static let tokenFileVariable = "PODSTACK_API_TOKEN_FILE"

    /// Returns a name that is also a valid name of a host.
    static func name(_ text: String) throws(InvalidValue) -> String {
        let bytes = Array(text.utf8)
        guard (1...63).contains(bytes.count), bytes.allSatisfy({ isLowerCaseOrDigit($0) || $0 == UInt8(ascii: "-") }),
            let first = bytes.first, let last = bytes.last, isLowerCaseOrDigit(first), isLowerCaseOrDigit(last)
        else {
            throw InvalidValue(
                "must have 1 to 63 characters from a-z, 0-9 and -, and begin and end with a letter or a digit")
        }
        return text
    }

    private static func isLowerCaseOrDigit(_ byte: UInt8) -> Bool {
        (UInt8(ascii: "a")...UInt8(ascii: "z")).contains(byte) || (UInt8(ascii: "0")...UInt8(ascii: "9")).contains(byte)
    }

    private static func isWord(_ byte: UInt8) -> Bool {
        isLowerCaseOrDigit(byte) || (UInt8(ascii: "A")...UInt8(ascii: "Z")).contains(byte) || byte == UInt8(ascii: "_")
    }

    static func image(_ text: String) throws(InvalidValue) -> String {
        let bytes = Array(text.utf8)
        guard (1...maxImageBytes).contains(bytes.count), let first = bytes.first, isWord(first),
            bytes.allSatisfy({ isWord($0) || ".:/@-".utf8.contains($0) }), !text.contains("//")
        else {
            throw InvalidValue("must be the name of an image, such as ubuntu:24.04 or registry.example.com/team/app:1")
        }
        try ResourceName.rejectToken(text)
        return text
    }

    static func gpuType(_ text: String) throws(InvalidValue) -> String {
        guard (1...63).contains(text.utf8.count), text.utf8.allSatisfy({ isWord($0) || ".-".utf8.contains($0) }) else {
            throw InvalidValue("must be a type of GPU, such as A100")
        }
        return text
    }

    static func millicores(_ cores: Double) throws(InvalidValue) -> Int {
        let millicores = (cores * 1000).rounded()
        guard cores.isFinite, (100...256_000).contains(millicores), abs(cores * 1000 - millicores) < 1e-6 else {
            throw InvalidValue("must be a number of cores from 0.1 to 256, in steps of 0.001")
        }
        return Int(millicores)
    }

    static func gibibytes(_ number: Int) throws(InvalidValue) -> Int {
        guard (1...maxGibibytes).contains(number) else {
            throw InvalidValue("must be a whole number of GiB from 1 to \(maxGibibytes)")
        }
        return number
    }

    static func ports(_ ports: [Int]) throws(InvalidValue) -> [Int] {
        guard ports.count <= maxPorts else { throw InvalidValue("must have at most \(maxPorts) ports") }
        guard ports.allSatisfy((1...65_535).contains) else { throw InvalidValue("must be numbers from 1 to 65535") }
        guard Set(ports).count == ports.count else { throw InvalidValue("must not name a port twice") }
        return ports
    }

    static func environment(
        _ values: [String: String], hasOwnToken: Bool
    ) throws(InvalidValue) -> [String: String] {
        var bytes = 0
        for (name, value) in values {
            guard let first = name.utf8.first, isWord(first), !(0x30...0x39).contains(first),
                name.utf8.allSatisfy(isWord)
            else {
                throw InvalidValue("must have names of letters, digits and _ that do not begin with a digit")
            }
            guard !value.utf8.contains(0) else { throw InvalidValue("must have values without NUL") }
            bytes += name.utf8.count + value.utf8.count + 2
        }
        guard bytes <= maxEnvironmentBytes else { throw InvalidValue("must have at most 64 KiB in total") }
        guard values[EngineSpecification.devicesVariable] == nil else {
            throw InvalidValue(
                "must not contain \(EngineSpecification.devicesVariable), which follows from gpu_type and gpu_count")
        }
        guard !hasOwnToken || values[tokenFileVariable] == nil else {
            throw InvalidValue("must not contain \(tokenFileVariable) together with token_scopes, which set it")
        }
        return values
    }

    /// Returns a command as it is, because a shell interprets every character of it.
    static func command(_ text: String) throws(InvalidValue) -> String {
        guard (1...maxCommandBytes).contains(text.utf8.count) else {
            throw InvalidValue("must have 1 byte to 16 KiB")
        }
        for scalar in text.unicodeScalars where scalar != "\n" && scalar != "\t" {
            guard scalar.properties.generalCategory != .control else {
                throw InvalidValue("must not contain control characters other than line feeds and tabs")
            }
            guard VisibleText.isAllowed(scalar) || scalar == "\u{200D}" || scalar.properties.isVariationSelector else {
                throw InvalidValue("must not contain invisible or directional characters")
            }
        }
        guard text.unicodeScalars.contains(where: { !$0.properties.isWhitespace }) else {
            throw InvalidValue("must not be empty")
        }
        try ResourceName.rejectToken(text)
        return text
    }

    static func mounts(
        _ volumes: [(volumeID: String, mountPath: String)]
    ) throws(InvalidValue) -> [PodConfiguration.Mount] {
        guard volumes.count <= maxVolumes else { throw InvalidValue("must have at most \(maxVolumes) volumes") }
        var mounts: [PodConfiguration.Mount] = []
        for (id, path) in volumes {
            guard (1...64).contains(id.utf8.count), id.utf8.allSatisfy(isWord) else {
                throw InvalidValue("must name volumes by their IDs")
            }
            mounts.append(PodConfiguration.Mount(volumeID: id, path: try mountPath(path)))
        }
        guard Set(mounts.map(\.path)).count == mounts.count else {
            throw InvalidValue("must not mount two volumes at one path")
        }
        return mounts
    }

    private static let reservedPaths = ["/proc", "/sys", "/dev", "/run/podstack"]

    private static func mountPath(_ text: String) throws(InvalidValue) -> String {
        let path = try VisibleText.validate(text)
        let parts = path.split(separator: "/", omittingEmptySubsequences: false)
        guard path.utf8.count <= maxPathBytes, path.hasPrefix("/"), parts.count > 1,
            parts.dropFirst().allSatisfy({ !$0.isEmpty && $0 != "." && $0 != ".." }), !path.contains(":")
        else {
            throw InvalidValue("must have absolute mount paths without empty, . or .. parts and without colons")
        }
        if let reserved = reservedPaths.first(where: { path == $0 || path.hasPrefix($0 + "/") }) {
            throw InvalidValue("must not mount a volume in \(reserved)")
        }
        return path
    }

    static func labels(_ labels: [String: String]) throws(InvalidValue) -> [String: String] {
        guard labels.count <= maxLabels else { throw InvalidValue("must have at most \(maxLabels) labels") }
        var valid: [String: String] = [:]
        for (name, value) in labels {
            guard (1...maxLabelName).contains(name.utf8.count),
                name.utf8.allSatisfy({ isWord($0) || "./-".utf8.contains($0) })
            else {
                throw InvalidValue(
                    "must have names of 1 to \(maxLabelName) characters from letters, digits, _, -, . and /")
            }
            try ResourceName.rejectToken(name)
            let text = value.isEmpty ? "" : try VisibleText.validate(value)
            guard text.utf8.count <= maxLabelValue else {
                throw InvalidValue("must have values of at most \(maxLabelValue) bytes")
            }
            try ResourceName.rejectToken(text)
            valid[name] = text
        }
        return valid
    }

    static func registry(
        _ credential: (username: String, password: String)
    ) throws(InvalidValue) -> PodSecrets.Registry {
        let (username, password) = credential
        guard (1...255).contains(username.utf8.count), (1...4096).contains(password.utf8.count),
            username.unicodeScalars.allSatisfy({ $0.properties.generalCategory != .control }), !username.contains(":"),
            !password.utf8.contains(0)
        else { throw InvalidValue("must have a username and a password") }
        return PodSecrets.Registry(username: username, password: password)
    }

    static func seconds(_ seconds: Int) throws(InvalidValue) -> Int64 {
        guard (1...maxSeconds).contains(seconds) else {
            throw InvalidValue("must be a duration from 1 second to 10 years")
        }
        return Int64(seconds)
    }

    static func amount(_ value: Double) throws(InvalidValue) -> Int64 {
        guard let amount = Amount(value), amount > .zero else {
            throw InvalidValue("must be a positive amount of at most 4,000,000,000")
        }
        return amount.millionths
    }
}

// MARK: - Durations

/// Durations as people write them, such as `90m`.
enum DurationText {
    static let invalid = InvalidValue("must be a number of seconds, or a duration such as 30m, 12h or 7d")

    /// Returns the seconds of a number with a unit: s, m, h or d.
    static func seconds(_ text: String) throws(InvalidValue) -> Int {
        let units: [Character: Int] = ["s": 1, "m": 60, "h": 3600, "d": 86_400]
        guard let last = text.last, let unit = units[last] else { throw invalid }
        let digits = text.dropLast()
        guard (1...9).contains(digits.utf8.count), digits.utf8.allSatisfy({ (0x30...0x39).contains($0) }),
            let number = Int(digits)
        else { throw invalid }
        return number * unit
    }
}
