import PodstackAPI

// The bodies of the token routes as the values of the domain's requests. Only types are checked here; the domain
// validates the values.

extension TokenRequest {
    /// Reads the body of `POST /v1/tokens`.
    init(json fields: [String: JSONValue], at now: Int64) throws {
        var reader = FieldReader(
            fields, of: "a new token",
            known: ["name", "expires_in_days", "expires_at", "scopes", "project_ids", "id", "sha256", "spend_limit"])
        var values = Values()
        values.name = reader.takeString("name")
        if let days = reader.take("expires_in_days", Self.days) { values.expiry = .days(days) }
        if reader.has("expires_at"), reader.has("expires_in_days") {
            reader.refuse("expires_at", "cannot go with expires_in_days")
        } else if let expiry = reader.take("expires_at", Self.expiry) {
            values.expiry = expiry
        }
        values.scopes = reader.takeStrings("scopes")
        values.projectIDs = reader.takeStringsOrNull("project_ids") ?? nil
        (values.id, values.sha256) = reader.takeClientSecret()
        values.spendLimit = reader.takeSpendLimit() ?? nil
        try self.init(values, at: now, problems: reader.problems)
    }

    private static func days(_ value: JSONValue) throws(InvalidValue) -> TokenExpiry.Days {
        guard let days = value.integerValue.flatMap(TokenExpiry.Days.init(rawValue:)) else { throw Expiry.invalidDays }
        return days
    }

    private static func expiry(_ value: JSONValue) throws(InvalidValue) -> TokenExpiry {
        if value == .null { return .never }
        guard let date = value.stringValue.flatMap(Timestamp.parse) else {
            throw InvalidValue("must be a time such as 2027-01-31T12:00:00Z, or null for never")
        }
        return .at(date)
    }
}

extension TokenUpdate {
    /// Reads the body of `PATCH /v1/tokens/{id}`.
    init(json fields: [String: JSONValue]) throws {
        var reader = FieldReader(
            fields, of: "a token that can change", known: ["name", "scopes", "project_ids", "spend_limit"])
        var values = Values()
        values.name = reader.takeString("name")
        values.scopes = reader.takeStrings("scopes")
        values.projectIDs = reader.takeStringsOrNull("project_ids")
        values.spendLimit = reader.takeSpendLimit()
        try self.init(values, problems: reader.problems)
    }
}

extension RotationRequest {
    /// Reads the body of `POST /v1/tokens/{id}/rotate`.
    init(json fields: [String: JSONValue], tokenID: String) throws {
        var reader = FieldReader(fields, of: "a rotation", known: ["id", "sha256", "grace_seconds"])
        var values = Values()
        (values.id, values.sha256) = reader.takeClientSecret()
        values.graceSeconds = reader.take("grace_seconds") { value throws(InvalidValue) in
            guard let seconds = value.integerValue else { throw Self.invalidGrace }
            return seconds
        }
        try self.init(values, tokenID: tokenID, problems: reader.problems)
    }
}

// MARK: - Types of values

extension FieldReader {
    /// Takes the ID and the hex digest of a secret that the caller generated.
    ///
    /// Reports one that is missing beside the other even if that one has the wrong type.
    mutating func takeClientSecret() -> (id: String?, sha256: String?) {
        if has("id") != has("sha256") {
            refuse(has("id") ? "sha256" : "id", "is missing: id and sha256 go together")
        }
        return (
            takeString("id", else: FieldErrors.invalidID), takeString("sha256", else: FieldErrors.invalidDigest)
        )
    }

    /// Returns a string field; nil if it is missing or not a string, which is then a problem.
    mutating func takeString(
        _ name: String, else problem: InvalidValue = InvalidValue("must be a string")
    ) -> String? {
        take(name) { value throws(InvalidValue) in
            guard let text = value.stringValue else { throw problem }
            return text
        }
    }

    /// Returns a field with a list of strings; nil if it is missing or not such a list, which is then a problem.
    mutating func takeStrings(_ name: String) -> [String]? { take(name, Self.strings) }

    /// Returns a field with a list of strings or `null`.
    ///
    /// - Returns: `.some(nil)` for `null`; nil if the field is missing or has another type, which is then a problem.
    mutating func takeStringsOrNull(_ name: String) -> [String]?? {
        take(name) { value throws(InvalidValue) in
            value == .null ? nil : try Self.strings(value)
        }
    }

    /// Returns the field `spend_limit`, an object with an amount and a period, or `null`.
    ///
    /// - Returns: `.some(nil)` for `null`; nil if the field is missing or invalid, which is then a problem.
    mutating func takeSpendLimit() -> SpendLimit?? {
        take("spend_limit") { value throws(InvalidValue) -> SpendLimit? in
            if value == .null { return nil }
            guard case .object(let fields) = value, fields.count == 2, let amount = fields["amount"]?.doubleValue,
                let period = fields["period"]?.stringValue
            else {
                throw InvalidValue("must be an object such as {\"amount\": 5, \"period\": \"month\"}, or null")
            }
            return try SpendLimit.validated(amount: amount, period: period)
        }
    }

    private static func strings(_ value: JSONValue) throws(InvalidValue) -> [String] {
        guard case .array(let values) = value else { throw InvalidValue("must be a list of strings") }
        let texts = values.compactMap(\.stringValue)
        guard texts.count == values.count else { throw InvalidValue("must be a list of strings") }
        return texts
    }
}
