import Podstack
import PodstackAPI

#if canImport(FoundationEssentials)
    import FoundationEssentials
#else
    import Foundation
#endif

// MARK: - Records

struct FakeToken: Sendable {
    var id: String
    var accountID: String
    var userID: String
    var name: String
    var scopes: [Scope]
    var projectIDs: [String]?
    var createdAt: Int
    var expiresAt: Int?
    var revokedAt: Int?
    var lastUsedAt: Int?
    var generation = 1
    /// The digests of the secrets, as the client sends them.
    var current: String
    var secretGeneratedAt: Int
    var pending: Pending?
    var retired: [Retired] = []
    var spendLimit: SpendLimit?

    /// A secret that a rotation generated, before its first use.
    struct Pending: Sendable {
        var digest: String
        var generatedAt: Int
        var graceSeconds: Int
        var lapsesAt: Int { generatedAt + 86_400 }
    }

    /// A secret that another one replaced.
    struct Retired: Sendable {
        var digest: String
        var rotatedAt: Int
        /// The end of its grace period.
        var endsAt: Int
    }

    func hasEnded(at now: Int) -> Bool { revokedAt != nil || expiresAt.map { $0 <= now } ?? false }

    /// Returns the time from which a secret is rejected; nil for never.
    func end(of digest: String) -> Int? {
        retired.first { $0.digest == digest }.map { min($0.endsAt, expiresAt ?? .max) } ?? expiresAt
    }

    /// Returns the token as it is from the first use of its pending secret on.
    func promoted(at now: Int) -> FakeToken {
        guard let pending else { return self }
        var token = self
        let end = now + pending.graceSeconds
        for index in retired.indices { token.retired[index].endsAt = min(retired[index].endsAt, end) }
        token.retired.append(Retired(digest: current, rotatedAt: now, endsAt: end))
        (token.current, token.secretGeneratedAt) = (pending.digest, pending.generatedAt)
        token.generation += 1
        token.pending = nil
        return token
    }

    /// The values that the audit log records.
    var audited: [String: JSONValue] {
        var values: [String: JSONValue] = [
            "name": .string(name), "scopes": .strings(scopes.map(\.rawValue)), "project_ids": .strings(projectIDs),
            "expires_at": expiresAt.map { .string(Timestamp.format(Date(seconds: $0))) } ?? .null,
        ]
        values["spend_limit"] = spendLimit?.audited
        return values
    }

    var subject: FakeSubject { FakeSubject(type: "token", id: id, name: name, accountID: accountID) }
}

extension FakeState {
    func model(_ token: FakeToken) -> Token {
        Token(
            id: token.id, name: token.name, scopes: token.scopes, projectIDs: token.projectIDs,
            createdAt: Date(seconds: token.createdAt), expiresAt: token.expiresAt.map(Date.init(seconds:)),
            lastUsedAt: token.lastUsedAt.map(Date.init(seconds:)), generation: token.generation,
            rotateBy: Date(seconds: token.secretGeneratedAt + 90 * 86_400),
            status: token.revokedAt != nil ? .revoked : token.hasEnded(at: now) ? .expired : .active,
            revokedAt: token.revokedAt.map(Date.init(seconds:)), spendLimit: token.spendLimit)
    }

    // MARK: - Authentication

    /// Returns the caller of a request, and records the use of the token.
    mutating func authenticate(_ request: FakeRequest) throws -> FakeCaller {
        let text = request.token.withSecret { $0 }
        guard !text.isEmpty else {
            throw FakeError(
                status: 401, code: .missingToken,
                message: "No API token provided: send it as \"Authorization: Bearer TOKEN\"")
        }
        guard let id = TokenFormat.id(of: text) else { throw FakeError.rejected(.malformedToken) }
        let digest = request.token.sha256
        guard let index = tokens.firstIndex(where: { $0.id == id }), let user = user(tokens[index].userID) else {
            throw FakeError.rejected(.invalidToken)
        }
        if let failure = failure(of: digest, tokens[index]) { throw failure }
        guard !user.isDisabled else { throw FakeError.rejected(.accountDisabled) }
        if tokens[index].pending?.digest == digest { tokens[index] = tokens[index].promoted(at: now) }
        tokens[index].lastUsedAt = now
        return FakeCaller(user: user, token: tokens[index], digest: digest)
    }

    /// Returns why a secret does not authenticate; nil if it does.
    private func failure(of digest: String, _ token: FakeToken) -> FakeError? {
        let pending = token.pending.flatMap { $0.digest == digest ? $0 : nil }
        let retired = token.retired.last { $0.digest == digest }
        guard token.current == digest || pending != nil || retired != nil else { return .rejected(.invalidToken) }
        if let time = token.revokedAt { return .rejected(.revokedToken, "revoked_at", at: time) }
        if let time = token.expiresAt, time <= now { return .rejected(.expiredToken, "expired_at", at: time) }
        if token.current == digest { return nil }
        if let pending {
            return pending.lapsesAt <= now ? .rejected(.expiredToken, "expired_at", at: pending.lapsesAt) : nil
        }
        return retired.flatMap { $0.endsAt <= now ? .rejected(.rotatedToken, "rotated_at", at: $0.rotatedAt) : nil }
    }

    // MARK: - Reading

    func token(_ id: String, _ caller: FakeCaller) throws -> FakeToken {
        guard let token = tokens.first(where: { $0.id == id && $0.accountID == caller.user.accountID }) else {
            throw FakeError.notFound("token", id)
        }
        return token
    }

    func tokenList(_ request: FakeRequest, _ caller: FakeCaller) throws -> TransportResponse {
        let oldest = now - 90 * 86_400
        let listed = tokens.filter { token in
            token.accountID == caller.user.accountID && token.expiresAt.map { $0 > oldest } ?? true
                && token.revokedAt.map { $0 > oldest } ?? true
        }
        let sorted = listed.sorted { ($0.createdAt, $0.id) > ($1.createdAt, $1.id) }
        return try page(request, sorted.map { ($0.createdAt, model($0)) })
    }

    private func index(_ token: FakeToken) -> Int { tokens.firstIndex { $0.id == token.id } ?? 0 }

    // MARK: - Creating

    mutating func createToken(_ request: FakeRequest, _ caller: FakeCaller) throws -> TransportResponse {
        var fields = try request.fields(
            of: "a new token",
            ["name", "expires_in_days", "expires_at", "scopes", "project_ids", "id", "sha256", "spend_limit"])
        let name = fields.name("name", isRequired: true)
        let expiry = expiry(&fields)
        let scopes = fields.scopes() ?? caller.token.scopes
        let projectIDs = fields.projectIDs() ?? nil
        let secret = fields.clientSecret()
        let spendLimit = fields.spendLimit() ?? nil
        try fields.check()
        if let wider = scopes.first(where: { !caller.token.scopes.allows($0) }) {
            throw FakeError.lacks(wider, caller.token)
        }
        let limit = caller.token.expiresAt
        let end = expiry.end ?? (expiry.isDefault ? min(now + 30 * 86_400, limit ?? .max) : nil)
        guard end ?? .max <= limit ?? .max else {
            throw FakeError.invalid([expiry.field: ["must not be later than the expiry of the token that creates it"]])
        }
        let projects = projectIDs ?? caller.token.projectIDs
        if let allowed = caller.token.projectIDs, let foreign = projects?.first(where: { !allowed.contains($0) }) {
            throw FakeError.excluded(foreign, by: caller.token)
        }
        let (token, text) = try add(
            secret, name: name ?? "", scopes: scopes, projects: projects, end: end,
            spendLimit: try Self.checked(spendLimit ?? caller.token.spendLimit, by: caller), to: caller.user, by: caller
        )
        return try .json(CreatedToken(token: model(token), secret: text), status: 201)
    }

    /// Returns a spend limit that a caller may give a token.
    private static func checked(_ limit: SpendLimit?, by caller: FakeCaller) throws -> SpendLimit? {
        guard let own = caller.token.spendLimit else { return limit }
        guard let limit, limit.isWithin(own) else {
            let text = own.period == .total ? "\(own.amount) in total" : "\(own.amount) in a \(own.period)"
            throw FakeError.invalid(["spend_limit": ["must not exceed the limit of your token: \(text)"]])
        }
        return limit
    }

    /// Returns the end of a new token: nil for never or the default, and the field that sets it.
    private func expiry(_ fields: inout FakeFields) -> (end: Int?, isDefault: Bool, field: String) {
        if let days = fields["expires_in_days"] {
            if fields["expires_at"] != nil { fields.refuse("expires_at", "cannot go with expires_in_days") }
            guard let days = days.integerValue, TokenExpiry.choices.contains(days) else {
                let choices = TokenExpiry.choices.map(String.init).joined(separator: ", ")
                fields.refuse("expires_in_days", "must be one of \(choices)")
                return (nil, true, "expires_in_days")
            }
            return (now + days * 86_400, false, "expires_in_days")
        }
        guard let value = fields["expires_at"] else { return (nil, true, "expires_at") }
        if value == .null { return (nil, false, "expires_at") }
        guard let date = value.stringValue.flatMap(Timestamp.parse) else {
            fields.refuse("expires_at", "must be a time such as 2027-01-31T12:00:00Z, or null for never")
            return (nil, true, "expires_at")
        }
        if date <= Date(seconds: now) { fields.refuse("expires_at", "must be in the future and before the year 10000") }
        return (Int(date.timeIntervalSince1970), false, "expires_at")
    }

    /// Adds a token, or returns the one that an earlier request with the same secret added.
    mutating func add(
        _ secret: (id: String, digest: String)?, name: String, scopes: [Scope], projects: [String]?,
        end: Int?, spendLimit: SpendLimit? = nil, to user: FakeUser, by caller: FakeCaller?
    ) throws -> (FakeToken, secret: String?) {
        if let secret, let existing = tokens.first(where: { $0.id == secret.id }) {
            guard existing.accountID == user.accountID, existing.revokedAt == nil, existing.current == secret.digest
            else { throw FakeError.conflict("That ID is taken; create a token with another ID") }
            return (existing, nil)
        }
        if let missing = projects?.first(where: { member(user.id, of: $0)?.isInvited ?? true }) {
            throw FakeError.notFound("project", missing)
        }
        let active = tokens.count { $0.accountID == user.accountID && !$0.hasEnded(at: now) }
        guard active < maxActiveTokens else {
            throw FakeError.quota(
                "tokens", "active tokens", limit: maxActiveTokens, current: active, "revoke one first")
        }
        let (token, text) = insert(
            secret, name: name, scopes: scopes, projects: projects, end: end, spendLimit: spendLimit, to: user)
        record("token_created", token.subject, by: caller, user: user, token.audited)
        return (token, text)
    }

    private mutating func insert(
        _ secret: (id: String, digest: String)?, name: String, scopes: [Scope], projects: [String]?, end: Int?,
        spendLimit: SpendLimit? = nil, to user: FakeUser
    ) -> (FakeToken, secret: String?) {
        var generator = SecureGenerator()
        let id = secret?.id ?? TokenFormat.generateID(using: &generator)
        let text = secret == nil ? TokenFormat.generateToken(id: id, using: &generator) : nil
        let token = FakeToken(
            id: id, accountID: user.accountID, userID: user.id, name: name, scopes: scopes, projectIDs: projects,
            createdAt: now, expiresAt: end, current: secret?.digest ?? APIToken(text ?? "").sha256,
            secretGeneratedAt: now, spendLimit: spendLimit)
        tokens.append(token)
        return (token, text)
    }

    /// Creates a token as the operator does, whatever the limits.
    mutating func issueToken(
        of user: FakeUser, name: String, scopes: [Scope], projects: [String]?, expiry: TokenExpiry
    ) -> APIToken {
        let end: Int? =
            switch expiry {
            case .serviceDefault: now + 30 * 86_400
            case .days(let days): now + days.rawValue * 86_400
            case .at(let date): Int(date.timeIntervalSince1970)
            case .never: nil
            }
        let (token, text) = insert(nil, name: name, scopes: scopes, projects: projects, end: end, to: user)
        record("token_created", token.subject, by: nil, token.audited)
        return APIToken(text ?? "")
    }

    // MARK: - Changing

    mutating func update(_ id: String, _ request: FakeRequest, _ caller: FakeCaller) throws -> TransportResponse {
        var fields = try request.fields(
            of: "a token that can change", ["name", "scopes", "project_ids", "spend_limit"])
        let (name, scopes, projects) = (fields.name("name", isRequired: false), fields.scopes(), fields.projectIDs())
        let spendLimit = fields.spendLimit()
        try fields.check()
        let old = try token(id, caller)
        try checkIsActive(old)
        var token = old
        if let name { token.name = name }
        if let scopes {
            if let wider = scopes.first(where: { !old.scopes.allows($0) }) {
                throw FakeError.invalid(["scopes": ["can only shrink: the token does not have \(wider)"]])
            }
            if let wider = scopes.first(where: { !caller.token.scopes.allows($0) }) {
                throw FakeError.lacks(wider, caller.token)
            }
            token.scopes = scopes
        }
        if let projects { token.projectIDs = try shrunk(old, to: projects, caller) }
        if let spendLimit { token.spendLimit = try Self.checked(spendLimit, by: caller) }
        guard token.audited != old.audited else { return try .json(model(old)) }
        tokens[index(old)] = token
        record("token_updated", token.subject, by: caller, Self.changes(old.audited, token.audited))
        return try .json(model(token))
    }

    private func shrunk(_ token: FakeToken, to projects: [String]?, _ caller: FakeCaller) throws -> [String]? {
        guard let projects else {
            guard token.projectIDs == nil else {
                throw FakeError.invalid(["project_ids": ["can only shrink: the token does not include every project"]])
            }
            return nil
        }
        if let current = token.projectIDs {
            guard projects.allSatisfy(current.contains) else {
                throw FakeError.invalid(["project_ids": ["can only shrink: the token does not include one of them"]])
            }
        } else if let missing = projects.first(where: { member(token.userID, of: $0)?.isInvited ?? true }) {
            throw FakeError.notFound("project", missing)
        }
        if let allowed = caller.token.projectIDs, let foreign = projects.first(where: { !allowed.contains($0) }) {
            throw FakeError.excluded(foreign, by: caller.token)
        }
        return projects
    }

    private func checkIsActive(_ token: FakeToken) throws {
        guard token.revokedAt == nil else {
            throw FakeError.conflict("The token is revoked and can no longer change; create a new one")
        }
        guard !token.hasEnded(at: now) else {
            throw FakeError.conflict("The token has expired and can no longer change; create a new one")
        }
    }

    // MARK: - Rotating

    mutating func rotate(_ id: String, _ request: FakeRequest, _ caller: FakeCaller) throws -> TransportResponse {
        var fields = try request.fields(of: "a rotation", ["id", "sha256", "grace_seconds"], isOptional: true)
        let secret = fields.clientSecret()
        if let other = fields["id"]?.stringValue, TokenFormat.isID(other), other != id {
            fields.refuse("id", "must be the ID of the token that is rotated")
        }
        let grace = fields["grace_seconds"].map { $0.integerValue ?? -1 } ?? 3600
        if !(0...604_800).contains(grace) {
            fields.refuse("grace_seconds", "must be a number of seconds from 0 to 604800 (7 days)")
        }
        try fields.check()
        var token = try token(id, caller)
        try checkHandingOut(token, caller)
        try checkIsActive(token)
        var generator = SecureGenerator()
        let text = secret == nil ? TokenFormat.generateToken(id: id, using: &generator) : nil
        let digest = secret?.digest ?? APIToken(text ?? "").sha256
        if token.current == digest, token.generation > 1 {
            return try .json(CreatedToken(token: model(token), secret: nil))
        }
        guard token.current != digest, !token.retired.contains(where: { $0.digest == digest }) else {
            throw FakeError.conflict("The token already had that secret; generate another one")
        }
        let isRepeated = token.pending?.digest == digest && token.pending?.graceSeconds == grace
        if token.pending?.digest != digest {
            guard caller.token.id != id || !token.retired.contains(where: { $0.digest == caller.digest }) else {
                throw FakeError.conflict(
                    "This secret was already rotated and is in its grace period; rotate with the newer secret")
            }
            if let canceled = token.pending {
                token.retired.append(FakeToken.Retired(digest: canceled.digest, rotatedAt: now, endsAt: now))
            }
        }
        if !isRepeated { token.pending = FakeToken.Pending(digest: digest, generatedAt: now, graceSeconds: grace) }
        tokens[index(token)] = token
        let rotated = token.promoted(at: now)
        if !isRepeated {
            record(
                "token_rotated", token.subject, by: caller,
                ["generation": .integer(rotated.generation), "grace_seconds": .integer(grace)])
        }
        return try .json(CreatedToken(token: model(rotated), secret: text))
    }

    /// Throws unless the caller may do all that a token, whose secret it gets, may do.
    private func checkHandingOut(_ token: FakeToken, _ caller: FakeCaller) throws {
        guard token.id != caller.token.id else { return }
        if let wider = token.scopes.first(where: { !caller.token.scopes.allows($0) }) {
            throw FakeError.lacks(wider, caller.token)
        }
        if let allowed = caller.token.projectIDs {
            guard let projects = token.projectIDs else {
                throw FakeError.forbidden(
                    .projectForbidden, "the token includes every project, and yours does not",
                    ["token_project_ids": .strings(allowed)])
            }
            if let foreign = projects.first(where: { !allowed.contains($0) }) {
                throw FakeError.excluded(foreign, by: caller.token)
            }
        }
        guard token.expiresAt ?? .max <= caller.token.expiresAt ?? .max else {
            throw FakeError.forbidden(.insufficientScope, "the token lives longer than yours")
        }
    }

    // MARK: - Revoking

    mutating func revoke(_ id: String, _ caller: FakeCaller) throws -> TransportResponse {
        let token = try token(id, caller)
        if token.revokedAt == nil {
            tokens[index(token)].revokedAt = now
            record("token_revoked", token.subject, by: caller)
        }
        return .noContent
    }

    mutating func report(_ request: FakeRequest) throws -> TransportResponse {
        var fields = try request.fields(of: "a report", ["tokens"])
        if fields["tokens"] == nil { fields.refuse("tokens", "is missing") }
        let texts = fields.strings("tokens") ?? nil
        if texts?.count ?? 0 > TokenReport.largestCount {
            fields.refuse("tokens", "must be a list of at most \(TokenReport.largestCount) tokens")
        }
        try fields.check()
        for text in texts ?? [] {
            let index = tokens.firstIndex { $0.id == TokenFormat.id(of: text) }
            guard let index, failure(of: APIToken(text).sha256, tokens[index]) == nil else { continue }
            tokens[index].revokedAt = now
            record("token_revoked", tokens[index].subject, by: nil, ["reason": "reported as leaked"])
        }
        return TransportResponse(status: 202, headers: [], body: [])
    }
}

// MARK: - Device login

/// A program that waits for a user's decision.
struct FakeDevice: Sendable {
    enum State: Sendable { case pending, denied, approved(FakeUser) }

    var id: String
    var deviceCode: String
    var userCode: String
    var name: String
    var scopes: [Scope]?
    var secret: (id: String, digest: String)?
    var expiresAt: Int
    var interval = 5
    var polledAt: Int?
    var state = State.pending
    var isFetched = false
}

extension FakeState {
    mutating func beginDevice(_ request: FakeRequest) throws -> TransportResponse {
        var fields = try request.fields(of: "a device request", ["client_name", "scopes", "id", "sha256"])
        let name = fields.name("client_name", isRequired: true)
        let (scopes, secret) = (fields.scopes(), fields.clientSecret())
        try fields.check()
        let letters = Array("BCDFGHJKLMNPQRSTVWXZ")
        let code = String((0..<8).compactMap { _ in letters.randomElement() })
        let device = FakeDevice(
            id: newID("dev_"), deviceCode: newID("dvc_"), userCode: "\(code.prefix(4))-\(code.suffix(4))",
            name: name ?? "", scopes: scopes, secret: secret, expiresAt: now + 600)
        devices.append(device)
        let page = "https://dashboard.podstack.ai/device"
        return try .json(
            DeviceCode(
                deviceCode: device.deviceCode, userCode: device.userCode, verificationURI: page,
                verificationURIComplete: "\(page)?code=\(device.userCode)", expiresIn: 600, interval: 5))
    }

    /// Records a user's decision, and returns whether a program waits for it.
    mutating func decide(_ userCode: String, _ email: String, isApproved: Bool) -> Bool {
        let user = users.first { $0.email == email } ?? addUser(email)
        let index = devices.firstIndex { device in
            if case .pending = device.state { device.userCode == userCode && device.expiresAt > now } else { false }
        }
        guard let index else { return false }
        devices[index].state = isApproved ? .approved(user) : .denied
        let subject = FakeSubject(
            type: "device", id: devices[index].id, name: devices[index].name, accountID: user.accountID)
        record(isApproved ? "device_approved" : "device_denied", subject, by: nil, user: user)
        return true
    }

    mutating func fetchDevice(_ request: FakeRequest) throws -> TransportResponse {
        var fields = try request.fields(of: "a request for a token", ["device_code"])
        if fields["device_code"] == nil { fields.refuse("device_code", "is missing") }
        let code = fields.string("device_code", "must be the device_code of an earlier response")
        try fields.check()
        func refusal(_ code: ErrorCode, _ message: String, _ details: [String: JSONValue] = [:]) -> FakeError {
            FakeError(status: 400, code: code, message: message, details: details)
        }
        guard let index = devices.firstIndex(where: { $0.deviceCode == code }) else {
            throw refusal(.invalidGrant, "The code is unknown, or the token was already fetched")
        }
        guard devices[index].expiresAt > now else {
            throw refusal(.expiredToken, "The code has expired; start again")
        }
        let isTooFast = devices[index].polledAt.map { now < $0 + devices[index].interval - 1 } ?? false
        devices[index].polledAt = now
        if isTooFast {
            devices[index].interval += 5
            let interval = devices[index].interval
            throw refusal(
                .slowDown, "Ask at most once every \(interval) seconds", ["interval": .integer(interval)])
        }
        let device = devices[index]
        switch device.state {
        case .pending: throw refusal(.authorizationPending, "The user has not decided yet; ask again later")
        case .denied: throw refusal(.accessDenied, "The user denied the request")
        case .approved where device.isFetched && device.secret == nil:
            throw refusal(.invalidGrant, "The code is unknown, or the token was already fetched")
        case .approved(let user):
            let (token, text) = try add(
                device.secret, name: device.name, scopes: device.scopes ?? [.all], projects: nil,
                end: now + 30 * 86_400, to: user, by: nil)
            devices[index].isFetched = true
            return try .json(CreatedToken(token: model(token), secret: text))
        }
    }
}
