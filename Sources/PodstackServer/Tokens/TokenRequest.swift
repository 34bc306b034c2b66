import PodstackAPI
import PodstackCryptography

#if canImport(FoundationEssentials)
    import FoundationEssentials
#else
    import Foundation
#endif

// The requests that create, change and rotate tokens. JSON bodies, forms and commands are read into the `Values` of a
// request; its initializer is the one place that validates them.

// MARK: - Create

/// A valid request to create a token.
struct TokenRequest: Sendable, Equatable {
    /// The values of a request before they are validated; nil for a value that is missing.
    struct Values: Sendable {
        var name: String?
        var expiry = TokenExpiry.serviceDefault
        var scopes: [String]?
        /// Nil for every project.
        var projectIDs: [String]?
        /// The ID and the hex digest of a token that the caller generated.
        var id: String?
        var sha256: String?
        /// Nil for no limit, or for that of the creator.
        var spendLimit: SpendLimit?
    }

    /// The expiry of the new token.
    enum Expiry: Sendable, Equatable {
        /// 30 days, or as long as the token that creates it.
        case `default`
        case never
        /// Seconds after the creation of the token.
        case after(Int64)
        /// Seconds since 1970.
        case at(Int64)
    }

    var name: String
    var expiry: Expiry
    /// The field that sets the expiry, for error messages.
    private(set) var expiryField = "expires_at"
    /// Nil for the scopes of the creator.
    var scopes: [Scope]?
    /// Nil for every project.
    var projectIDs: [String]?
    /// The ID that the caller chose; nil to generate one.
    var id: String?
    /// The digest of a token that the caller generated; nil to generate one.
    var sha256: [UInt8]?
    /// The most that pods which the token starts may cost; nil for no limit, or for that of the creator.
    var spendLimit: SpendLimit?

    /// Creates a request from values that are known to be valid.
    init(name: String, expiry: Expiry = .default, scopes: [Scope]? = nil) {
        self.name = name
        self.expiry = expiry
        self.scopes = scopes
    }

    /// Validates the values of a request.
    ///
    /// - Parameters:
    ///   - values: The values of the request.
    ///   - now: The time, in seconds since 1970.
    ///   - problems: Problems of fields that were found when the values were read.
    /// - Throws: ``DomainError/invalid(_:)`` with the problems of all fields.
    init(_ values: Values, at now: Int64, problems: FieldErrors = FieldErrors()) throws(DomainError) {
        var problems = problems
        name = ""
        if let text = values.name {
            name = problems.collect("name") { () throws(InvalidValue) in try ResourceName.validate(text) } ?? ""
        } else {
            problems.addMissing("name")
        }
        if case .days = values.expiry { expiryField = "expires_in_days" }
        expiry =
            problems.collect(expiryField) { () throws(InvalidValue) in
                try Expiry(values.expiry, at: now)
            } ?? .default
        scopes = problems.collectScopes(values.scopes)
        projectIDs = problems.collectProjectIDs(values.projectIDs)
        (id, sha256) = problems.collectClientSecret(id: values.id, sha256: values.sha256)
        spendLimit = values.spendLimit
        try problems.throwIfAny()
    }
}

extension TokenRequest.Expiry {
    /// The first second of the year 10000, which has no ISO 8601 form with four digits.
    private static let end: Double = 253_402_300_800

    /// Validates the expiry of a new token: the only place that does.
    ///
    /// - Parameters:
    ///   - expiry: The expiry as requested.
    ///   - now: The time, in seconds since 1970.
    /// - Throws: ``InvalidValue`` if the time is not in the future.
    init(_ expiry: TokenExpiry, at now: Int64) throws(InvalidValue) {
        switch expiry {
        case .serviceDefault: self = .default
        case .never: self = .never
        case .days(let days): self = .after(Int64(days.rawValue) * 86_400)
        case .at(let date):
            let seconds = date.timeIntervalSince1970
            guard seconds > Double(now), seconds < Self.end else {
                throw InvalidValue("must be in the future and before the year 10000")
            }
            self = .at(Int64(seconds))
        }
    }

    /// The problem of a number of days that is not one of the choices.
    static var invalidDays: InvalidValue {
        InvalidValue("must be one of \(TokenExpiry.choices.map(String.init).joined(separator: ", "))")
    }
}

// MARK: - Update

/// A valid request to change a token; nil leaves a value as it is.
struct TokenUpdate: Sendable, Equatable {
    /// The values of a request before they are validated.
    struct Values: Sendable {
        var name: String?
        var scopes: [String]?
        /// `.some(nil)` is every project.
        var projectIDs: [String]??
        /// `.some(nil)` removes the limit.
        var spendLimit: SpendLimit??
    }

    private(set) var name: String?
    private(set) var scopes: [Scope]?
    /// `.some(nil)` is every project.
    private(set) var projectIDs: [String]??
    /// `.some(nil)` removes the limit.
    private(set) var spendLimit: SpendLimit??

    /// Validates the values of a request.
    ///
    /// - Parameters:
    ///   - values: The values of the request.
    ///   - problems: Problems of fields that were found when the values were read.
    /// - Throws: ``DomainError/invalid(_:)`` with the problems of all fields.
    init(_ values: Values, problems: FieldErrors = FieldErrors()) throws(DomainError) {
        var problems = problems
        if let text = values.name {
            name = problems.collect("name") { () throws(InvalidValue) in try ResourceName.validate(text) }
        }
        scopes = problems.collectScopes(values.scopes)
        if let ids = values.projectIDs { projectIDs = .some(problems.collectProjectIDs(ids)) }
        spendLimit = values.spendLimit
        try problems.throwIfAny()
    }

    /// Creates a request that leaves a token these scopes.
    init(scopes: [Scope]) { self.scopes = scopes }
}

// MARK: - Rotation

/// A valid request to rotate a token.
struct RotationRequest: Sendable, Equatable {
    static let maxGraceSeconds = 604_800
    static let defaultGraceSeconds = 3600

    /// The values of a request before they are validated; nil for a value that is missing.
    struct Values: Sendable {
        /// The ID and the hex digest of the secret that the caller generated.
        var id: String?
        var sha256: String?
        var graceSeconds: Int?
    }

    private(set) var graceSeconds: Int64
    /// The digest of the secret that the caller generated; nil to generate one.
    private(set) var sha256: [UInt8]?

    /// Validates the values of a request.
    ///
    /// - Parameters:
    ///   - values: The values of the request.
    ///   - tokenID: The token that is rotated.
    ///   - problems: Problems of fields that were found when the values were read.
    /// - Throws: ``DomainError/invalid(_:)`` with the problems of all fields.
    init(_ values: Values, tokenID: String, problems: FieldErrors = FieldErrors()) throws(DomainError) {
        var problems = problems
        let (id, sha256) = problems.collectClientSecret(id: values.id, sha256: values.sha256)
        if let id, id != tokenID { problems.add("must be the ID of the token that is rotated", to: "id") }
        self.sha256 = sha256
        graceSeconds = Int64(values.graceSeconds ?? Self.defaultGraceSeconds)
        if !(0...Int64(Self.maxGraceSeconds)).contains(graceSeconds) {
            problems.add(Self.invalidGrace.message, to: "grace_seconds")
        }
        try problems.throwIfAny()
    }

    /// The problem of a grace period that is not a number in the allowed range.
    static var invalidGrace: InvalidValue {
        InvalidValue("must be a number of seconds from 0 to \(maxGraceSeconds) (7 days)")
    }
}

// MARK: - Fields

/// The rules of fields that several requests have.
extension FieldErrors {
    private static let maxElements = 100

    static let invalidID = InvalidValue("must be 8 characters of 0-9 a-z without i, l, o, u")
    static let invalidDigest = InvalidValue("must be 64 lower-case hexadecimal digits")

    /// Validates a list of scopes, and returns each scope once.
    mutating func collectScopes(_ texts: [String]?, of field: String = "scopes") -> [Scope]? {
        guard let texts else { return nil }
        return collect(field) { () throws(InvalidValue) in
            guard !texts.isEmpty else { throw InvalidValue("must name at least one scope") }
            return try Self.unique(texts).map { text throws(InvalidValue) in
                // A text that is too long for a scope may be a token, and is not repeated.
                let displayed = text.utf8.count > 24 ? "…" : text
                guard let scope = Scope(text) else { throw InvalidValue("\"\(displayed)\" is not a scope") }
                return scope
            }
        }
    }

    /// Validates a list of project IDs, and returns each ID once; nil for every project.
    mutating func collectProjectIDs(_ ids: [String]?) -> [String]? {
        guard let ids else { return nil }
        return collect("project_ids") { () throws(InvalidValue) in
            guard !ids.isEmpty else { throw InvalidValue("must name at least one project, or be null for all") }
            return try Self.unique(ids)
        }
    }

    /// Validates the ID and the digest of a secret that the caller generated: both, or neither.
    mutating func collectClientSecret(id: String?, sha256: String?) -> (id: String?, sha256: [UInt8]?) {
        if id != nil, sha256 == nil { addMissing("sha256", "is missing: id and sha256 go together") }
        if sha256 != nil, id == nil { addMissing("id", "is missing: id and sha256 go together") }
        let validID = id.flatMap { id in
            collect("id") { () throws(InvalidValue) in
                guard TokenFormat.isID(id) else { throw Self.invalidID }
                return id
            }
        }
        let digest = sha256.flatMap { text in
            collect("sha256") { () throws(InvalidValue) in
                guard text == text.lowercased(), let bytes = [UInt8](hexadecimal: text), bytes.count == 32 else {
                    throw Self.invalidDigest
                }
                return bytes
            }
        }
        return (validID, digest)
    }

    /// Returns each text once, in the order given.
    private static func unique(_ texts: [String]) throws(InvalidValue) -> [String] {
        guard texts.count <= maxElements else { throw InvalidValue("must be a list of at most \(maxElements) strings") }
        var seen: Set<String> = []
        return texts.filter { seen.insert($0).inserted }
    }
}
