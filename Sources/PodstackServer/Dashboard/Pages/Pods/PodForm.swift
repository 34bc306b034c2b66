import PodstackAPI
import PodstackCryptography

/// The fields of the form for a new pod.
struct PodForm {
    /// A unit of the fields for lengths of time.
    enum Unit: String, CaseIterable {
        case minutes, hours, days

        var seconds: Int {
            switch self {
            case .minutes: 60
            case .hours: 3600
            case .days: 86_400
            }
        }
    }

    /// A length of time as it was typed.
    struct Duration {
        var number = ""
        var unit = Unit.hours

        /// The seconds; nil if the field is empty.
        ///
        /// - Throws: ``InvalidValue`` if the text is not a number.
        func seconds() throws(InvalidValue) -> Int? {
            if number.isEmpty { return nil }
            guard number.utf8.count <= 6, let count = PodForm.count(number), count > 0 else {
                throw InvalidValue("must be a whole number of \(unit.rawValue), such as 2")
            }
            return count * unit.seconds
        }
    }

    /// A random text from which the ID of the pod is derived.
    ///
    /// It is part of the form, so that a form creates one pod however often it is sent.
    var nonce = Identifier.generate("")
    var name = ""
    var image = ""
    var projectID = ""
    var gpuType = ""
    var gpuCount = "1"
    var cpu = "4"
    var memory = String(PodRequest.defaultMemoryGiB)
    var disk = String(PodRequest.defaultDiskGiB)
    var command = ""
    var ports = ""
    var environment = ""
    var stopAfter = Duration()
    var deleteAfter = Duration()
    var maxCost = ""

    /// Creates an empty form.
    ///
    /// - Parameters:
    ///   - projectID: The project that is chosen at first.
    ///   - processors: The most cores that a pod can have; nil if it is unknown.
    init(projectID: String, processors: Int?) {
        self.projectID = projectID
        if let processors { cpu = String(min(PodRequest.defaultCPUMillicores / 1000, max(1, processors))) }
    }

    /// Reads a submitted form.
    init(_ form: Form) {
        nonce = form["id"]
        name = form["name"]
        image = form["image"]
        projectID = form["project_id"]
        gpuType = form["gpu_type"]
        gpuCount = form["gpu_count"]
        cpu = form["cpu"]
        memory = form["memory"]
        disk = form["disk"]
        // Browsers send CR LF for a line break.
        command = Self.lines(form["command"]).joined(separator: "\n")
        ports = form["ports"]
        environment = form["env"]
        stopAfter = Duration(number: form["stop_after"], unit: Unit(rawValue: form["stop_after_unit"]) ?? .hours)
        deleteAfter = Duration(number: form["delete_after"], unit: Unit(rawValue: form["delete_after_unit"]) ?? .hours)
        maxCost = form["max_cost"]
    }

    /// Returns the ID of the pod that the form of a user creates; nil if the form has no valid ``nonce``.
    ///
    /// It is a digest, so that a client cannot choose the ID of a pod that exists.
    func podID(for userID: String) -> String? {
        guard nonce.utf8.count == 20, nonce.utf8.allSatisfy(Base62.isDigit) else { return nil }
        let digest = Sodium.sha256(Array("pod \(userID) \(nonce)".utf8))
        func number(_ bytes: ArraySlice<UInt8>) -> UInt64 { bytes.reduce(0) { $0 << 8 | UInt64($1) } }
        let digits = Base62.encode(number(digest[0..<8]), width: 10) + Base62.encode(number(digest[8..<16]), width: 10)
        return "pod_" + String(decoding: digits, as: UTF8.self)
    }
}

// MARK: - Request

extension PodForm {
    /// Returns the request to the domain.
    ///
    /// - Throws: ``DomainError/invalid(_:)`` with the problems of all fields.
    func request() throws -> PodRequest {
        var problems = FieldErrors()
        var values = PodRequest.Values(name: name, image: image)
        values.projectID = projectID.isEmpty ? nil : projectID
        if !gpuType.isEmpty {
            values.gpuType = gpuType
            values.gpuCount = Self.number(gpuCount, "gpu_count", "GPUs", &problems)
        }
        if !cpu.isEmpty {
            values.cpu = Double(cpu)
            if values.cpu == nil { problems.add("must be a number of cores, such as 4 or 0.5", to: "cpu") }
        }
        values.memory = Self.number(memory, "memory", "GiB", &problems)
        values.disk = Self.number(disk, "disk", "GiB", &problems)
        values.command = command.isEmpty ? nil : command
        values.ports = problems.collect("ports") { () throws(InvalidValue) in try Self.ports(self.ports) }
        values.environment = problems.collect("env") { () throws(InvalidValue) in
            try Self.variables(environment)
        }
        values.stopAfter = problems.collect("stop_after") { () throws(InvalidValue) in try stopAfter.seconds() } ?? nil
        values.deleteAfter =
            problems.collect("delete_after") { () throws(InvalidValue) in try deleteAfter.seconds() } ?? nil
        if !maxCost.isEmpty {
            values.maxCost = Amount(text: maxCost)?.doubleValue
            if values.maxCost == nil { problems.add("must be an amount such as 12.50", to: "max_cost") }
        }
        return try PodRequest(values, problems: problems)
    }

    /// Returns a number of digits; nil for other text.
    static func count(_ text: String) -> Int? {
        text.utf8.count <= 9 && text.utf8.allSatisfy { (0x30...0x39).contains($0) } ? Int(text) : nil
    }

    private static func number(
        _ text: String, _ field: String, _ unit: String, _ problems: inout FieldErrors
    ) -> Int? {
        if text.isEmpty { return nil }
        let number = count(text)
        if number == nil { problems.add("must be a whole number of \(unit)", to: field) }
        return number
    }

    private static func ports(_ text: String) throws(InvalidValue) -> [Int] {
        var ports: [Int] = []
        for part in text.split(whereSeparator: { $0 == "," || $0.isWhitespace }) {
            guard let port = count(String(part)) else {
                throw InvalidValue("must be numbers such as 8080, separated by commas")
            }
            ports.append(port)
        }
        return ports
    }

    private static func variables(_ text: String) throws(InvalidValue) -> [String: String] {
        var variables: [String: String] = [:]
        for (index, line) in lines(text).enumerated() where !line.utf8.allSatisfy({ $0 == 0x20 || $0 == 0x09 }) {
            let parts = line.split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false)
            // The line is not repeated: it may contain a secret.
            guard parts.count == 2 else {
                throw InvalidValue("must have the form NAME=value in each line; line \(index + 1) has not")
            }
            guard variables.updateValue(String(parts[1]), forKey: String(parts[0])) == nil else {
                throw InvalidValue("must not have a name twice; line \(index + 1) repeats one")
            }
        }
        return variables
    }

    /// Returns the lines of a text field, whose line breaks may be CR LF.
    private static func lines(_ text: String) -> [String] {
        text.utf8.split(separator: UInt8(ascii: "\n"), omittingEmptySubsequences: false).map { line in
            String(decoding: line.last == UInt8(ascii: "\r") ? line.dropLast() : line, as: UTF8.self)
        }
    }
}

// MARK: - Prices

/// The GPUs and prices that the form displays.
struct PodOffer {
    struct GPU {
        var type: GPUType
        /// The number of devices that no pod holds.
        var free: Int
    }

    let gpus: [GPU]
    /// Millionths for an hour.
    let prices: [PricedResource: Int64]

    init(in connection: any DatabaseConnection) throws {
        let used = Set(try BillingStore.usedDevices(in: connection))
        gpus = try BillingStore.gpuTypes(in: connection).map { type in
            GPU(type: type, free: type.devices.count { !used.contains($0) })
        }
        prices = try BillingStore.resourcePrices(in: connection)
    }

    /// Returns the price of an hour of the pod that a form describes; nil if a number is invalid.
    func pricePerHour(of form: PodForm) -> Amount? {
        guard let cores = Double(form.cpu), (0...256).contains(cores), let memory = PodForm.count(form.memory),
            let disk = PodForm.count(form.disk), let count = PodForm.count(form.gpuType.isEmpty ? "0" : form.gpuCount),
            memory <= 65_536, disk <= 65_536, count <= PodRequest.maxGPUs
        else { return nil }
        var total = (prices[.cpu] ?? 0) * Int64((cores * 1000).rounded()) / 1000
        total += (prices[.memory] ?? 0) * Int64(memory) + (prices[.disk] ?? 0) * Int64(disk)
        total += (gpus.first { $0.type.name == form.gpuType }?.type.pricePerHour ?? 0) * Int64(count)
        return Amount(millionths: total)
    }
}
