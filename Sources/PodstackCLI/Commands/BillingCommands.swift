import Podstack
import PodstackAPI
import PodstackCommandLine

#if canImport(FoundationEssentials)
    import FoundationEssentials
#else
    import Foundation
#endif

/// `podstack gpu`, `podstack pricing` and `podstack wallet`: what there is, and what it costs.
enum BillingCommands {
    static let all: [Command] = [availability, gpuList, pricing, balance, expenditure]

    static let availability = Command(
        "gpu", "availability", summary: "List the types of GPUs with the number that is free and the price.",
        details: "podstack gpu list is another name of this command.",
        examples: ["podstack gpu availability", "podstack gpu availability -o json"], isPaged: true,
        action: listGPUs)

    /// The other name of ``availability``, which help does not repeat.
    static let gpuList = Command(
        "gpu", "list", summary: "List the types of GPUs with the number that is free and the price.", isPaged: true,
        isHidden: true, action: listGPUs)

    private static let listGPUs: CommandAction = { invocation in
        let gpus = try await invocation.client().gpus.list()
        try invocation.write(["gpus": gpus]) { GPUText.table(gpus, invocation) }
        return .success
    }

    static let pricing = Command(
        "pricing", summary: "List the prices of GPUs.",
        details: """
            The price is that of one GPU for an hour; a pod is billed by the second, and only while it runs. podstack pod get \
            shows the price of a pod as a whole.
            """,
        examples: ["podstack pricing"]
    ) { invocation in
        let gpus = try await invocation.client().gpus.list()
        try invocation.write(["gpus": gpus]) {
            invocation.table(
                ifEmpty: "No GPUs", ["TYPE", "MEMORY", "PER HOUR"],
                gpus.map { [$0.id, $0.memory.map { "\($0) GB" } ?? "", $0.pricePerHour.description] })
        }
        return .success
    }

    // MARK: - Wallet

    static let balance = Command(
        "wallet", "balance", summary: "Show the balance of the account.",
        examples: ["podstack wallet balance", Example("podstack wallet balance -o json", "as JSON, for programs")]
    ) { invocation in
        let wallet = try await invocation.client().billing.wallet()
        try invocation.write(wallet) {
            Details.text([
                ("Balance", wallet.balance.description), ("Credited", wallet.credited.description),
                ("Spent", wallet.spent.description), ("Spent this month", wallet.spentThisMonth.description),
            ])
        }
        return .success
    }

    static let expenditure = Command(
        "wallet", "expenditure", summary: "Show what the pods of a period cost.",
        flags: [
            Flag(
                "from", value: "TIME",
                summary:
                    "the start of the period: 2027-01-31, 2027-01-31T12:00:00Z, or 7d for 7 days ago (default: this month)"
            ),
            Flag("to", value: "TIME", summary: "the end of the period; a date includes that day (default: now)"),
            Flag(
                "group-by", value: "WHAT", summary: "day, token, project or pod (default: day)",
                values: .choices(["day", "token", "project", "pod"])),
        ],
        examples: [
            "podstack wallet expenditure", "podstack wallet expenditure --group-by token --from 30d",
            "podstack wallet expenditure --from 2027-01-01 --to 2027-01-31 --group-by pod -o json",
        ], isPaged: true
    ) { invocation in
        let now = invocation.context.time.date()
        let grouping = invocation.arguments.value("group-by").map(Usage.Grouping.init(rawValue:)) ?? .day
        let usage = try await invocation.client().billing.usage(
            from: try invocation.arguments.time("from", now: now, isEnd: false),
            to: try invocation.arguments.time("to", now: now, isEnd: true), groupedBy: grouping)
        try invocation.write(usage) { text(usage, invocation) }
        return .success
    }

    private static func text(_ usage: Usage, _ invocation: Invocation) -> String {
        let isWide = invocation.format == .wide
        func time(_ seconds: Int64) -> String { isWide ? "\(seconds)" : PodText.time(seconds) }
        let hasNames = usage.groupBy != .day
        let header = [usage.groupBy.rawValue.uppercased()] + (hasNames ? ["NAME"] : []) + ["TIME", "GPU TIME", "COST"]
        let total =
            ["total"] + (hasNames ? [""] : []) + [
                time(usage.rows.reduce(0) { $0 + $1.seconds }), time(usage.rows.reduce(0) { $0 + $1.gpuSeconds }),
                usage.totalCost.description,
            ]
        let rows = usage.rows.map { row in
            [row.key] + (hasNames ? [row.name ?? ""] : []) + [
                time(row.seconds), time(row.gpuSeconds), row.cost.description,
            ]
        }
        return invocation.table(header, rows + [total])
    }
}
