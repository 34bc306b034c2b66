public import PodstackAPI

#if canImport(FoundationEssentials)
    public import FoundationEssentials
#else
    public import Foundation
#endif

/// The types of GPUs with their availability and price.
public struct GPUs: Sendable {
    let pipeline: Pipeline

    /// Returns the types of GPUs that the service has.
    ///
    /// - Returns: The types, in the order of their names.
    /// - Throws: ``AuthenticationError`` if the token is not accepted.
    public func list() async throws -> [GPU] {
        var gpus: [GPU] = []
        var cursor: String?
        var used: Set<String> = []
        repeat {
            let page: Page<GPU> = try await pipeline.call(
                .get("/v1/gpus", query: cursor.map { [(name: "cursor", value: $0)] } ?? []))
            gpus += page.elements
            // A service that returns a cursor again would make the list endless.
            cursor = page.nextCursor.flatMap { used.insert($0).inserted ? $0 : nil }
        } while cursor != nil
        return gpus
    }
}

/// The wallet and the usage of the account.
public struct Billing: Sendable {
    let pipeline: Pipeline

    /// Returns the wallet of the account.
    ///
    /// - Returns: The balance, and what was credited and spent.
    /// - Throws: ``PermissionError`` if the token may not read it.
    public func wallet() async throws -> Wallet { try await pipeline.call(.get("/v1/billing/wallet")) }

    /// Returns the usage of a period and what it cost.
    ///
    /// - Parameters:
    ///   - from: The start of the period, inclusive; nil for the first day of this month, in UTC.
    ///   - to: The end of the period, exclusive; nil for now.
    ///   - grouping: The meaning of a row (default: a day).
    /// - Returns: The rows and their total.
    /// - Throws: ``PermissionError`` if the token may not read it, ``ValidationError`` if the period is invalid.
    public func usage(
        from: Date? = nil, to: Date? = nil, groupedBy grouping: Usage.Grouping = .day
    ) async throws -> Usage {
        var query: [(name: String, value: String)] = []
        if let from { query.append((name: "from", value: Timestamp.format(from))) }
        if let to { query.append((name: "to", value: Timestamp.format(to))) }
        query.append((name: "group_by", value: grouping.rawValue))
        return try await pipeline.call(.get("/v1/billing/usage", query: query))
    }
}
