import PodstackAPI
import PodstackCommandLine

/// `podstack-server gpu`, `price` and `wallet`: the GPUs that the operator offers, prices and prepaid balances.
enum BillingCommands {
    static let all = [setGPU, listGPUs, removeGPU, setPrice, listPrices, credit, showWallet]

    private static let typeName = Argument("TYPE", summary: "the type of the GPU, such as A100")

    // MARK: - GPUs

    private static let setGPU = ServerCommand(
        "gpu", "set", summary: "Offer a type of GPU, or change its memory, price or devices.",
        arguments: [typeName],
        flags: [
            Flag("memory", value: "GB", summary: "the memory of one GPU in gigabytes"),
            Flag("price", value: "AMOUNT", summary: "the price of one GPU for an hour (default: 0, free)"),
            Flag("count", value: "N", summary: "the number of GPUs, with the devices 0 to N-1 (default: 1)"),
            Flag("devices", value: "IDS", summary: "the devices of this type, such as 0,1,5 or their UUIDs"),
        ],
        details: "A value that is not given stays as it was. A new price holds for pods that start later.",
        examples: [
            "podstack-server gpu set A100 --memory 80 --price 2.50 --count 8",
            "podstack-server gpu set T4 --devices 8,9",
        ]
    ) { arguments in
        let name: String
        do throws(InvalidValue) { name = try PriceList.validate(name: arguments.positional[0]) } catch {
            throw UsageError("TYPE \(error.message)")
        }
        let memory = try arguments.count("memory")
        let price = try arguments.amount("price")
        let devices = try devices(arguments)
        let service = try arguments.service()
        try service.changes.perform(by: .administrator, at: service.now()) { change in
            let types = try BillingStore.gpuTypes(in: change.connection)
            var type =
                types.first { $0.name == name }
                ?? GPUType(name: name, memoryGigabytes: nil, pricePerHour: 0, devices: devices ?? ["0"])
            if let memory { type.memoryGigabytes = Int64(memory) }
            if let price { type.pricePerHour = price }
            if let devices { type.devices = devices }
            for other in types where other.name != name {
                if let shared = other.devices.first(where: type.devices.contains) {
                    throw SetupFailure(
                        "device \(shared) belongs to \(other.name): name the devices of each type with --devices")
                }
            }
            guard types.count < PriceList.maximumTypes || types.contains(where: { $0.name == name }) else {
                throw SetupFailure("there are \(PriceList.maximumTypes) types already: gpu remove one first")
            }
            try BillingStore.set(type, at: change.now, in: change.connection)
        }
        StandardStream.output.write("\(name) is set\n")
    }

    private static func devices(_ arguments: Arguments) throws -> [String]? {
        let count = try arguments.count("count")
        guard let text = arguments.value("devices") else {
            guard let count else { return nil }
            guard count <= PriceList.maximumDevices else {
                throw UsageError("--count must be at most \(PriceList.maximumDevices)")
            }
            return (0..<count).map(String.init)
        }
        guard count == nil else { throw UsageError("--count and --devices cannot be given together") }
        let devices = text.split(separator: ",", omittingEmptySubsequences: false).map(String.init)
        for device in devices {
            do throws(InvalidValue) { _ = try PriceList.validate(device: device) } catch {
                throw UsageError("--devices: \"\(Arguments.displayed(device))\" \(error.message)")
            }
        }
        guard Set(devices).count == devices.count else { throw UsageError("--devices names a device twice") }
        guard devices.count <= PriceList.maximumDevices else {
            throw UsageError("--devices must name at most \(PriceList.maximumDevices) devices")
        }
        return devices
    }

    /// A type as `gpu list --output json` prints it.
    private struct ListedType: Encodable {
        var type: String
        var memory: Int64?
        var pricePerHour: Amount
        var devices: [String]

        enum CodingKeys: String, CodingKey {
            case type, memory, devices
            case pricePerHour = "price_per_hour"
        }

        func encode(to encoder: any Encoder) throws {
            var container = encoder.container(keyedBy: CodingKeys.self)
            try container.encode(type, forKey: .type)
            try container.encode(memory, forKey: .memory)
            try container.encode(pricePerHour, forKey: .pricePerHour)
            try container.encode(devices, forKey: .devices)
        }
    }

    private static let listGPUs = ServerCommand(
        "gpu", "list", summary: "List the types of GPUs with their memory, prices and devices.", flags: [.output],
        examples: ["podstack-server gpu list", "podstack-server gpu list --output json"]
    ) { arguments in
        let service = try arguments.service()
        let types = try service.database.read { try BillingStore.gpuTypes(in: $0) }
        var output = ListOutput(arguments, header: ["TYPE", "MEMORY", "PRICE/HOUR", "DEVICES"])
        try output.write(
            types.map { type in
                let price = Amount(millionths: type.pricePerHour)
                return (
                    ListedType(
                        type: type.name, memory: type.memoryGigabytes, pricePerHour: price, devices: type.devices),
                    [
                        type.name, type.memoryGigabytes.map { "\($0) GB" } ?? "-", price.description,
                        type.devices.joined(separator: ","),
                    ]
                )
            })
        output.end()
    }

    private static let removeGPU = ServerCommand(
        "gpu", "remove", summary: "Stop offering a type of GPU. Pods that have one keep it.", arguments: [typeName],
        examples: ["podstack-server gpu remove T4"]
    ) { arguments in
        let name = arguments.positional[0]
        let service = try arguments.service()
        try service.changes.perform(by: .administrator, at: service.now()) { change in
            guard try BillingStore.removeGPUType(name, in: change.connection) else {
                throw SetupFailure(
                    "the service offers no GPU \(Arguments.displayed(name)): see podstack-server gpu list")
            }
        }
        StandardStream.output.write("\(name) is removed\n")
    }

    // MARK: - Other prices

    private static let setPrice = ServerCommand(
        "price", "set", summary: "Set the price of a core, or of a gibibyte of memory or disk, for an hour.",
        arguments: [
            Argument(
                "RESOURCE", summary: "cpu, memory or disk", values: .choices(PricedResource.allCases.map(\.rawValue))),
            Argument("AMOUNT", summary: "the price, such as 0.02; 0 for free"),
        ],
        details: "Prices are added to that of the GPUs. A new price holds for pods that start later.",
        examples: ["podstack-server price set cpu 0.02", "podstack-server price set memory 0.004"]
    ) { arguments in
        guard let resource = PricedResource(rawValue: arguments.positional[0]) else {
            throw UsageError("RESOURCE must be cpu, memory or disk")
        }
        let price = try Arguments.amount(arguments.positional[1], named: "AMOUNT")
        let service = try arguments.service()
        try service.changes.perform(by: .administrator, at: service.now()) { change in
            try BillingStore.set(price, of: resource, in: change.connection)
        }
        StandardStream.output.write("\(resource.rawValue) costs \(Amount(millionths: price)) an hour\n")
    }

    private static let listPrices = ServerCommand(
        "price", "list", summary: "List the prices of cores, memory and disk for an hour.",
        examples: ["podstack-server price list"]
    ) { arguments in
        let service = try arguments.service()
        let prices = try service.database.read { try BillingStore.resourcePrices(in: $0) }
        for resource in PricedResource.allCases {
            StandardStream.output.write("\(resource.rawValue)\t\(Amount(millionths: prices[resource] ?? 0))\n")
        }
    }

    // MARK: - Wallets

    private static let credit = ServerCommand(
        "wallet", "credit", summary: "Add an amount to the prepaid balance of a user's account.",
        arguments: [
            UserCommands.email, Argument("AMOUNT", summary: "the amount, such as 50; negative to take some back"),
        ],
        flags: [Flag("reason", value: "TEXT", summary: "the reason, for the audit log")],
        examples: ["podstack-server wallet credit you@example.com 50 --reason \"invoice 17\""]
    ) { arguments in
        let amount = try Arguments.amount(arguments.positional[1], named: "AMOUNT", mayBeNegative: true)
        guard amount != 0 else { throw UsageError("AMOUNT must not be 0") }
        let reason: String?
        do throws(InvalidValue) { reason = try arguments.value("reason").map(ResourceName.validate) } catch {
            throw UsageError("--reason \(error.message)")
        }
        let service = try arguments.service()
        let balance = try service.changes.perform(by: .administrator, at: service.now()) { change in
            let accountID = try account(arguments.positional[0], in: change.connection)
            try BillingStore.credit(
                amount, accountID: accountID, reason: reason, at: change.now, in: change.connection)
            let balance = try Billing().balance(
                accountID: accountID, now: change.now * 1000, in: change.connection)
            guard balance.magnitude < UInt64(Amount.maximum * 1_000_000) else {
                throw SetupFailure("the balance would exceed 4,000,000,000; nothing was changed")
            }
            var details: [String: JSONValue] = ["amount": .number(Amount(millionths: amount).doubleValue)]
            if let reason { details["reason"] = .string(reason) }
            try change.record(
                .walletCredited, on: AuditResource(type: "wallet", id: accountID, name: nil, accountID: accountID),
                details)
            return balance
        }
        StandardStream.output.write("the balance is \(Amount(millionths: balance))\n")
    }

    private static let showWallet = ServerCommand(
        "wallet", "show", summary: "Print the prepaid balance of a user's account.", arguments: [UserCommands.email],
        examples: ["podstack-server wallet show you@example.com"]
    ) { arguments in
        let service = try arguments.service()
        let balance = try service.database.read { connection in
            try Billing().balance(
                accountID: try account(arguments.positional[0], in: connection), now: service.now() * 1000,
                in: connection)
        }
        StandardStream.output.write("\(Amount(millionths: balance))\n")
    }

    private static func account(_ email: String, in connection: any DatabaseConnection) throws -> String {
        guard let user = try UserStore.find(email: email, in: connection) else {
            throw SetupFailure("no user has the email address \(email): podstack-server user add creates an account")
        }
        return user.accountID
    }
}

extension Arguments {
    /// Returns the amount that a flag gives, in millionths.
    fileprivate func amount(_ flag: String) throws -> Int64? {
        try value(flag).map { try Self.amount($0, named: "--\(flag)") }
    }

    /// Returns an amount in millionths.
    fileprivate static func amount(_ text: String, named name: String, mayBeNegative: Bool = false) throws -> Int64 {
        guard let amount = Amount(text: text), mayBeNegative || amount >= .zero,
            amount <= Amount(millionths: RunCost.maximumPricePerHour)
        else {
            throw UsageError(
                "\(name) must be an amount such as 2.50, with at most six decimals and at most 1000000, and is "
                    + "\"\(displayed(text))\"")
        }
        return amount.millionths
    }
}
