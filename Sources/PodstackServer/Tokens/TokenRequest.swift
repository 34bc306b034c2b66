import PodstackAPI

#if canImport(FoundationEssentials)
    import FoundationEssentials
#else
    import Foundation
#endif

/// A checked body of `POST /v1/tokens`.
struct TokenRequest {
    enum Expiry: Equatable {
        case standard, never
        case at(Int64)
    }

    var name = ""
    var expiry = Expiry.standard
    /// The field that set the expiry, for what is said about it.
    var expiryField = "expires_at"
    var scopes: [Scope]?
    var projectIDs: [String]?
    var id: String?
    var sha256: [UInt8]?

    init(name: String, expiry: Expiry, scopes: [Scope]?, projectIDs: [String]?) {
        self.name = name
        self.expiry = expiry
        self.scopes = scopes
        self.projectIDs = projectIDs
    }

    /// Throws one 422 that names every field that is wrong.
    init(_ fields: [String: JSONValue], now: Int64) throws {
        var reader = FieldReader(
            fields, of: "a new token",
            known: ["name", "expires_in_days", "expires_at", "scopes", "project_ids", "id", "sha256"])
        reader.require("name")
        name = reader.take("name", TokenFields.name) ?? ""
        if let time = reader.take(
            "expires_in_days",
            { value throws(InvalidValue) in
                try Self.expiry(inDays: value, now: now)
            })
        {
            expiry = .at(time)
            expiryField = "expires_in_days"
        }
        if reader.has("expires_at"), reader.has("expires_in_days") {
            reader.refuse("expires_at", "cannot go with expires_in_days")
        } else if let wanted = reader.take(
            "expires_at",
            { value throws(InvalidValue) in
                try Self.expiry(value, now: now)
            })
        {
            expiry = wanted
        }
        scopes = reader.take("scopes", TokenFields.scopes)
        projectIDs = reader.take("project_ids", TokenFields.projectIDs) ?? nil
        (id, sha256) = reader.takeMadeByCaller()
        try reader.finish()
    }

    private static func expiry(inDays value: JSONValue, now: Int64) throws(InvalidValue) -> Int64 {
        guard let days = value.integerValue, TokenExpiry.choices.contains(days) else {
            throw InvalidValue("must be one of 7, 30, 90, 180, 365")
        }
        return now + Int64(days) * 86_400
    }

    private static func expiry(_ value: JSONValue, now: Int64) throws(InvalidValue) -> Expiry {
        if value == .null { return .never }
        guard let date = value.stringValue.flatMap(Timestamp.parse) else {
            throw InvalidValue("must be a time such as 2027-01-31T12:00:00Z, or null for never")
        }
        let seconds = date.timeIntervalSince1970
        // Beyond the year 9999 a time has no ISO 8601 form of the usual length.
        guard seconds > Double(now), seconds < 253_402_300_800 else {
            throw InvalidValue("must be in the future and before the year 10000")
        }
        return .at(Int64(seconds))
    }
}
