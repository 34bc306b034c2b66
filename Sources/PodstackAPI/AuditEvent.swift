#if canImport(FoundationEssentials)
    public import FoundationEssentials
#else
    public import Foundation
#endif

// MARK: - Event

/// An entry of the audit log: one change, and the user and token behind it.
public struct AuditEvent: Codable, Sendable, Hashable, Identifiable {
    /// The ID: `evt_` and 20 base62 characters.
    public var id: String
    /// The time of the change.
    public var createdAt: Date
    /// The action, such as `create`, `token_created` or `member_removed`.
    public var action: String
    /// The kind of resource that changed: `project`, `token`, `member` or `user`.
    public var resourceType: String
    /// The ID of the resource.
    public var resourceID: String?
    /// The name of the resource at that time.
    public var resourceName: String?
    /// The ID of the project that the resource belongs to.
    public var projectID: String?
    /// The ID of the user that made the change; nil for the operator of the service.
    public var userID: String?
    /// The email address of the user.
    public var userEmail: String?
    /// The ID of the token that the request was sent with.
    public var tokenID: String?
    /// The address that the request came from.
    public var ipAddress: String?
    /// The request's `User-Agent` header.
    public var userAgent: String?
    /// Further values, such as the `old` and `new` value of a change; never a secret.
    public var details: [String: JSONValue]

    /// Creates an event.
    ///
    /// - Parameters:
    ///   - id: The ID.
    ///   - createdAt: The time of the change.
    ///   - action: The action, such as `token_created`.
    ///   - resourceType: The kind of resource that changed.
    ///   - resourceID: The ID of the resource.
    ///   - resourceName: The name of the resource at that time.
    ///   - projectID: The ID of the project that the resource belongs to.
    ///   - userID: The ID of the user that made the change.
    ///   - userEmail: The email address of the user.
    ///   - tokenID: The ID of the token that the request was sent with.
    ///   - ipAddress: The address that the request came from.
    ///   - userAgent: The request's `User-Agent` header.
    ///   - details: Further values.
    public init(
        id: String, createdAt: Date, action: String, resourceType: String, resourceID: String? = nil,
        resourceName: String? = nil, projectID: String? = nil, userID: String? = nil, userEmail: String? = nil,
        tokenID: String? = nil, ipAddress: String? = nil, userAgent: String? = nil, details: [String: JSONValue] = [:]
    ) {
        self.id = id
        self.createdAt = createdAt
        self.action = action
        self.resourceType = resourceType
        self.resourceID = resourceID
        self.resourceName = resourceName
        self.projectID = projectID
        self.userID = userID
        self.userEmail = userEmail
        self.tokenID = tokenID
        self.ipAddress = ipAddress
        self.userAgent = userAgent
        self.details = details
    }

    private enum CodingKeys: String, CodingKey {
        case id, action, details
        case createdAt = "created_at"
        case resourceType = "resource_type"
        case resourceID = "resource_id"
        case resourceName = "resource_name"
        case projectID = "project_id"
        case userID = "user_id"
        case userEmail = "user_email"
        case tokenID = "token_id"
        case ipAddress = "ip_address"
        case userAgent = "user_agent"
    }

    /// Encodes the event.
    ///
    /// Missing values become `null`, because the API always sends all fields.
    ///
    /// - Parameter encoder: The encoder to write to.
    /// - Throws: `EncodingError` if the encoder cannot represent a value.
    public func encode(to encoder: any Encoder) throws {
        var container = encoder.container(keyedBy: CodingKeys.self)
        try container.encode(id, forKey: .id)
        try container.encode(createdAt, forKey: .createdAt)
        try container.encode(action, forKey: .action)
        try container.encode(resourceType, forKey: .resourceType)
        try container.encode(resourceID, forKey: .resourceID)
        try container.encode(resourceName, forKey: .resourceName)
        try container.encode(projectID, forKey: .projectID)
        try container.encode(userID, forKey: .userID)
        try container.encode(userEmail, forKey: .userEmail)
        try container.encode(tokenID, forKey: .tokenID)
        try container.encode(ipAddress, forKey: .ipAddress)
        try container.encode(userAgent, forKey: .userAgent)
        try container.encode(details, forKey: .details)
    }
}

extension AuditEvent: Listed {
    package static var listKey: String { "audit_logs" }
}

// MARK: - CSV

/// The audit log as CSV for spreadsheets (RFC 4180).
package enum AuditCSV {
    private static let columns: [(name: String, value: @Sendable (AuditEvent) -> String?)] = [
        ("id", { $0.id }), ("created_at", { Timestamp.format($0.createdAt) }), ("action", { $0.action }),
        ("resource_type", { $0.resourceType }), ("resource_id", { $0.resourceID }),
        ("resource_name", { $0.resourceName }), ("project_id", { $0.projectID }), ("user_id", { $0.userID }),
        ("user_email", { $0.userEmail }), ("token_id", { $0.tokenID }), ("ip_address", { $0.ipAddress }),
        ("user_agent", { $0.userAgent }),
        ("details", { (try? APICoding.encode($0.details)).map { String(decoding: $0, as: UTF8.self) } }),
    ]

    /// The first line, with its line end.
    package static var header: String { columns.map(\.name).joined(separator: ",") + "\r\n" }

    /// Returns one line for each event, with its line end.
    package static func lines(_ events: [AuditEvent]) -> String {
        events.map { event in columns.map { cell($0.value(event) ?? "") }.joined(separator: ",") + "\r\n" }.joined()
    }

    /// Returns a quoted cell, with a `'` in front of text that a spreadsheet would run as a formula.
    package static func cell(_ text: String) -> String {
        let starters: [Unicode.Scalar] = ["=", "+", "-", "@", "\t", "\r", "\n", "＝", "＋", "－", "＠"]
        let isFormula = text.unicodeScalars.first { $0 != " " }.map(starters.contains) ?? false
        // Bytes, because a quote that a combining mark follows is another Character.
        var bytes = Array((isFormula ? "\"'" : "\"").utf8)
        for byte in text.utf8 { bytes += byte == UInt8(ascii: "\"") ? [byte, byte] : [byte] }
        return String(decoding: bytes + [UInt8(ascii: "\"")], as: UTF8.self)
    }
}
