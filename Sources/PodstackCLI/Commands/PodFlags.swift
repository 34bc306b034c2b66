import Podstack
import PodstackAPI
import PodstackCommandLine
import PodstackSystem

#if canImport(FoundationEssentials)
    import FoundationEssentials
#else
    import Foundation
#endif

/// The flags of `podstack pod create`, and the questions that it asks in their place.
enum PodFlags {
    static let all: [Flag] = [
        Flag("name", value: "NAME", summary: "the name of the pod, which is unique in the project"),
        Flag("image", value: "IMAGE", summary: "the image, such as pytorch/pytorch:latest"),
        Flag(
            "gpu-type", value: "TYPE", summary: "the type of the GPUs, such as A100 (default: no GPU)",
            values: .listed(CompletionCommands.gpuTypes)),
        Flag("gpu-count", value: "N", summary: "the number of GPUs (default: 1)"),
        Flag(
            "cpu", value: "CORES",
            summary: "the number of CPU cores, such as 0.5 (default: 4, or all of a smaller engine)"),
        Flag("memory", value: "GIB", summary: "the memory in GiB (default: 16, or that of a smaller engine)"),
        Flag("disk", value: "GIB", summary: "the disk in GiB (default: 50)"),
        Flag(
            "port", value: "PORT", summary: "a port that the pod publishes; may be repeated, or separated by commas",
            isRepeatable: true),
        Flag(
            "env", value: "NAME[=VALUE]",
            summary: "a variable of the pod; without a value, that of the same variable here; may be repeated",
            isRepeatable: true),
        Flag(
            "env-from", value: "FILE", summary: "set the variables of this .env file in the pod", values: .files),
        Flag("command", value: "TEXT", summary: "the command line, for /bin/sh -c (default: that of the image)"),
        Flag(
            "volume", value: "VOLUME:PATH", summary: "mount a volume at an absolute path; may be repeated",
            isRepeatable: true),
        Flag("label", value: "KEY=VALUE", summary: "set this label; may be repeated", isRepeatable: true),
        Flag("stop-after", value: "TIME", summary: "stop the pod this long after its start: 90s, 30m, 12h or 7d"),
        Flag("delete-after", value: "TIME", summary: "delete the pod this long after its start: 90s, 30m, 12h or 7d"),
        Flag("max-cost", value: "AMOUNT", summary: "stop the pod when it has cost this much"),
        Flag(
            "token-scope", value: "SCOPE",
            summary: "give the pod its own token with this scope; may be repeated, or separated by commas",
            isRepeatable: true),
        Flag("registry-user", value: "USER", summary: "the user of a private registry; asks for the password"),
        Flag("registry-password-stdin", summary: "read the password of the registry from standard input"),
    ]

    // MARK: - Specification

    /// Returns the specification that the flags and the answers of the user describe.
    static func specification(_ invocation: Invocation, _ client: Client) async throws -> PodSpecification {
        let arguments = invocation.arguments
        // Everything that can be wrong is checked before anything is asked.
        let port = try arguments.list("port")?.map { text in
            guard let port = Int(text), (1...65535).contains(port) else {
                throw UsageError("--port must be a number from 1 to 65535")
            }
            return port
        }
        let env = try variables(invocation)
        let labels = try pairs("label", arguments) ?? [:]
        let cpu = try decimal("cpu", arguments) ?? 4
        let memory = try arguments.count("memory") ?? 16
        let disk = try arguments.count("disk") ?? 50
        let count = try arguments.count("gpu-count")
        let (stopAfter, deleteAfter) = (try arguments.duration("stop-after"), try arguments.duration("delete-after"))
        let maxCost = try amount("max-cost", arguments)
        let scopes = try ScopeInput.scopes(ofFlag: "token-scope", arguments)
        let mounts = try arguments.all("volume")?.map(mount) ?? []
        let registry = try registryCredentials(invocation)

        var specification = PodSpecification(
            name: arguments.value("name") ?? "", image: arguments.value("image") ?? "",
            gpuType: arguments.value("gpu-type"), gpuCount: count ?? 1, cpu: cpu, memory: memory, disk: disk,
            ports: port ?? [], env: env, command: arguments.value("command"), labels: labels, registryAuth: registry,
            stopAfter: stopAfter, deleteAfter: deleteAfter, maxCost: maxCost,
            tokenScopes: scopes?.map(Scope.init(rawValue:)))
        if !specification.name.isEmpty { try checkName(specification.name) }
        let missing = ["name", "image"].filter { arguments.value($0)?.isEmpty != false }
        if !missing.isEmpty {
            guard invocation.context.askLine != nil else {
                throw UsageError(
                    missing.map { "--\($0)" }.joined(separator: " and ")
                        + (missing.count == 1 ? " is missing" : " are missing"),
                    hint: "podstack pod create --help lists examples; on a terminal, the command asks")
            }
            try await PodQuestions(invocation, client).complete(&specification)
        }
        guard count == nil || specification.gpuType != nil else {
            throw UsageError("--gpu-count needs --gpu-type")
        }
        for mount in mounts {
            specification.volumes.append(
                Pod.VolumeMount(
                    volumeID: try await invocation.volumeID(of: mount.volume, client), mountPath: mount.path))
        }
        return specification
    }

    // MARK: - Values

    /// Throws when `--name` is not the name of a pod.
    static func checkName(_ name: String) throws(UsageError) {
        if let problem = problem(ofName: name) { throw UsageError("--name \(problem)") }
    }

    /// Returns what is wrong with the name of a pod, which is also the name of a host; nil for a valid one.
    fileprivate static func problem(ofName name: String) -> String? {
        func isLowerCaseOrDigit(_ byte: UInt8) -> Bool { (0x61...0x7A).contains(byte) || (0x30...0x39).contains(byte) }
        let bytes = Array(name.utf8)
        guard (1...63).contains(bytes.count), bytes.allSatisfy({ isLowerCaseOrDigit($0) || $0 == UInt8(ascii: "-") }),
            let first = bytes.first, let last = bytes.last, isLowerCaseOrDigit(first), isLowerCaseOrDigit(last)
        else {
            return "must have 1 to 63 characters from a-z, 0-9 and -, and begin and end with a letter or a digit"
        }
        return nil
    }

    /// Returns the values of a flag of the form `KEY=VALUE`; nil when it is not given.
    static func pairs(_ flag: String, _ arguments: Arguments) throws(UsageError) -> [String: String]? {
        guard let texts = arguments.all(flag) else { return nil }
        var pairs: [String: String] = [:]
        for text in texts {
            let parts = text.split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false)
            guard parts.count == 2, !parts[0].isEmpty else {
                throw UsageError("--\(flag) must have the form KEY=VALUE")
            }
            guard pairs.updateValue(String(parts[1]), forKey: String(parts[0])) == nil else {
                throw UsageError("--\(flag): \(Arguments.displayed(String(parts[0]))) is given twice")
            }
        }
        return pairs
    }

    /// Returns the change of a limit, which `none` removes.
    static func change<Value>(
        _ flag: String, _ arguments: Arguments, _ value: () throws -> Value?
    ) throws -> LimitChange<Value> {
        guard let text = arguments.value(flag) else { return .unchanged }
        if text == "none" { return .remove }
        return try value().map(LimitChange.set) ?? .unchanged
    }

    static func amount(_ flag: String, _ arguments: Arguments) throws(UsageError) -> Amount? {
        guard let text = arguments.value(flag) else { return nil }
        guard let amount = Amount(text: text), amount > .zero else {
            throw UsageError("--\(flag) must be an amount above 0, such as 2.50, with up to six decimals")
        }
        return amount
    }

    /// The description of a spend limit, for a flag.
    static let spendLimitForm = "5/day, 50/month or 100/total"

    /// Returns the spend limit of a flag; nil when it is not given.
    static func spendLimit(_ arguments: Arguments) throws(UsageError) -> SpendLimit? {
        guard let text = arguments.value("spend-limit") else { return nil }
        let parts = text.split(separator: "/", omittingEmptySubsequences: false).map(String.init)
        guard parts.count == 2, ["day", "month", "total"].contains(parts[1]), let amount = Amount(text: parts[0]),
            amount > .zero
        else { throw UsageError("--spend-limit must be an amount and a period: \(spendLimitForm)") }
        return SpendLimit(amount: amount, period: SpendLimit.Period(rawValue: parts[1]))
    }

    /// Returns a spend limit as its flag takes it.
    static func text(_ limit: SpendLimit?) -> String? { limit.map { "\($0.amount)/\($0.period)" } }

    /// Returns the value of a flag that takes a number above zero, with or without decimals.
    private static func decimal(_ flag: String, _ arguments: Arguments) throws(UsageError) -> Double? {
        guard let text = arguments.value(flag) else { return nil }
        let isPlain = !text.isEmpty && text.utf8.allSatisfy { (0x30...0x39).contains($0) || $0 == 0x2E }
        guard isPlain, let value = Double(text), value > 0 else {
            throw UsageError("--\(flag) must be a number above 0, such as 2.5")
        }
        return value
    }

    private static func mount(_ text: String) throws(UsageError) -> (volume: String, path: String) {
        let parts = text.split(separator: ":", maxSplits: 1, omittingEmptySubsequences: false).map(String.init)
        guard parts.count == 2, !parts[0].isEmpty, parts[1].hasPrefix("/"), parts[1].utf8.count > 1 else {
            throw UsageError("--volume must have the form VOLUME:PATH with an absolute path, such as datasets:/data")
        }
        return (parts[0], parts[1])
    }

    /// Returns the variables of `--env-from` and `--env`, which takes precedence.
    private static func variables(_ invocation: Invocation) throws -> [String: String] {
        var variables: [String: String] = [:]
        if let path = invocation.arguments.value("env-from") {
            guard !path.isEmpty else { throw UsageError("--env-from: the path is empty") }
            let file = try DotEnv.read(path, environment: invocation.context.environment)
            for warning in file.warnings { invocation.warn(warning) }
            for variable in file.variables { variables[variable.name] = variable.value }
        }
        for text in invocation.arguments.all("env") ?? [] {
            let parts = text.split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false).map(String.init)
            guard !parts[0].isEmpty else { throw UsageError("--env must have the form NAME=VALUE or NAME") }
            guard parts.count == 1 else {
                variables[parts[0]] = parts[1]
                continue
            }
            guard let value = invocation.context.environment[parts[0]] else {
                throw UsageError("--env: the variable \(Arguments.displayed(parts[0])) is not set here")
            }
            variables[parts[0]] = value
        }
        return variables
    }

    private static func registryCredentials(_ invocation: Invocation) throws -> RegistryCredentials? {
        let context = invocation.context
        let readsInput = invocation.arguments.has("registry-password-stdin")
        guard let user = invocation.arguments.value("registry-user") else {
            guard !readsInput else { throw UsageError("--registry-password-stdin needs --registry-user") }
            return nil
        }
        var password: String?
        if readsInput {
            password = try (context.readBody ?? context.readInput)()
            // `echo` and editors add a line break.
            if password?.last?.isNewline == true { password?.removeLast() }
        } else if let ask = context.askSecret {
            password = ask("Password of \(TerminalText.printable(user)) at the registry: ")
        } else {
            throw UsageError("the password of the registry is missing", hint: "--registry-password-stdin reads it")
        }
        guard let password, !password.isEmpty else { throw CommandError(message: "the password is empty") }
        return RegistryCredentials(username: user, password: password)
    }
}

// MARK: - Questions

/// The questions of `podstack pod create` on a terminal.
private struct PodQuestions {
    private let invocation: Invocation
    private let client: Client

    init(_ invocation: Invocation, _ client: Client) {
        self.invocation = invocation
        self.client = client
    }

    /// Asks for what a specification lacks, and for a limit.
    func complete(_ pod: inout PodSpecification) async throws {
        let arguments = invocation.arguments
        if pod.name.isEmpty {
            pod.name = try required("Name of the pod: ") { name throws(UsageError) -> String in
                if let problem = PodFlags.problem(ofName: name) { throw UsageError("The name \(problem)") }
                return name
            }
        }
        if pod.image.isEmpty { pod.image = try required("Image, such as ubuntu:24.04: ") { $0 } }
        var price = Amount.zero
        if pod.gpuType == nil {
            // The types are a help; without them, the question remains.
            let gpus = (try? await client.gpus.list()) ?? []
            if !gpus.isEmpty { invocation.context.standardError(GPUText.table(gpus, invocation) + "\n") }
            pod.gpuType = try invocation.answer(to: "Type of GPU (Enter for none): ") {
                type throws(UsageError) -> String? in
                try Self.gpuType(type, gpus)
            }
            if pod.gpuType != nil, !arguments.has("gpu-count") {
                pod.gpuCount = try invocation.answer(to: "Number of GPUs (Enter for 1): ") {
                    text throws(UsageError) -> Int in
                    guard !text.isEmpty else { return 1 }
                    guard let number = Int(text), number >= 1 else {
                        throw UsageError("The number must be a whole number, 1 or more.")
                    }
                    return number
                }
            }
            let hourly = gpus.first { $0.id == pod.gpuType }?.pricePerHour ?? .zero
            price = Amount(
                millionths: hourly.millionths.multipliedReportingOverflow(by: Int64(pod.gpuCount)).partialValue)
        }
        if pod.stopAfter == nil, pod.deleteAfter == nil, pod.maxCost == nil {
            pod.stopAfter = try invocation.answer(to: "Stop it after, such as 2h (Enter for never): ") {
                text throws(UsageError) -> Duration? in
                guard !text.isEmpty, text.lowercased() != "never" else { return nil }
                guard let duration = Arguments.duration(of: text) else {
                    throw UsageError("Use a number and a unit for the time, such as 30m, 12h or 7d.")
                }
                return duration
            }
        }
        guard price > .zero, !arguments.has("yes") else { return }
        let answer = answer("The GPUs cost \(price) per hour while the pod runs. Create the pod? [Y/n] ")?.lowercased()
        guard answer == nil || answer == "y" || answer == "yes" else {
            throw CommandError(message: "no pod was created: the answer was not yes")
        }
    }

    /// Asks a question; nil if the answer is empty.
    private func answer(_ question: String) -> String? {
        let answer = invocation.context.askLine?(question) ?? ""
        let trimmed = answer.drop(while: \.isWhitespace).reversed().drop(while: \.isWhitespace).reversed()
        return trimmed.isEmpty ? nil : String(trimmed)
    }

    private func required(_ question: String, _ value: (String) throws(UsageError) -> String) throws -> String {
        let answer = try invocation.answer(to: question) { text throws(UsageError) -> String? in
            try text.isEmpty ? nil : value(text)
        }
        guard let answer else { throw CommandError(message: "no pod was created: nothing was entered") }
        return answer
    }

    /// Returns the type of GPU of an answer; nil for none.
    private static func gpuType(_ text: String, _ gpus: [GPU]) throws(UsageError) -> String? {
        guard !text.isEmpty, text.lowercased() != "none" else { return nil }
        if let type = gpus.first(where: { $0.id.lowercased() == text.lowercased() }) { return type.id }
        // Without the list, the service decides.
        guard !gpus.isEmpty else { return text }
        let near = Suggestion.question(text.uppercased(), among: gpus.map(\.id))
        throw UsageError("There is no type \"\(Arguments.displayed(text))\"\(near)")
    }
}
