import PodstackTestSupport
import Testing

@testable import PodstackServer

/// The names begin with the numbers of the invariants in TokenSecrets.swift.
@Suite("A token's secrets as a state machine", .timeLimit(.perTest))
struct TokenSecretsTests {
    static let day: Int64 = 86_400

    static func digest(_ number: Int) -> [UInt8] {
        [UInt8(number >> 8), UInt8(number & 255)] + [UInt8](repeating: 7, count: 30)
    }

    static func fresh(_ lifetime: TokenLifetime = TokenLifetime()) -> TokenSecrets {
        TokenSecrets(current: CurrentSecret(digest: digest(0)), lifetime: lifetime)
    }

    /// Rotates to a secret and uses it, so that it is current.
    static func replace(_ secrets: inout TokenSecrets, by number: Int, grace: Int64 = 3600, at now: Int64) throws {
        _ = try secrets.rotate(to: digest(number), graceSeconds: grace, at: now)
        #expect(!secrets.firstUse(of: digest(number), at: now).isEmpty)
    }

    @Test("1: a rotation leaves the current secret, and the second of two is the pending one")
    func onePending() throws {
        var secrets = Self.fresh()
        _ = try secrets.rotate(to: Self.digest(1), graceSeconds: 60, at: 10)
        _ = try secrets.rotate(to: Self.digest(2), graceSeconds: 60, at: 20)
        #expect(secrets.current == CurrentSecret(digest: Self.digest(0)))
        #expect(secrets.pending == PendingSecret(digest: Self.digest(2), generatedAt: 20, graceSeconds: 60))
    }

    @Test("2: a digest that the token already had is refused, whether it is current or retired")
    func reused() throws {
        var secrets = Self.fresh()
        #expect(throws: TokenSecrets.RotationRefusal.reusedSecret) {
            try secrets.rotate(to: Self.digest(0), graceSeconds: 0, at: 1)
        }
        try Self.replace(&secrets, by: 1, at: 2)
        #expect(throws: TokenSecrets.RotationRefusal.reusedSecret) {
            try secrets.rotate(to: Self.digest(0), graceSeconds: 0, at: 3)
        }
    }

    @Test("3: a pending secret becomes current with its first use, once, until its last second")
    func firstUse() throws {
        var secrets = Self.fresh()
        let unused = secrets
        _ = try secrets.rotate(to: Self.digest(1), graceSeconds: 60, at: 10)
        #expect(secrets.current == unused.current)
        var late = secrets
        #expect(late.firstUse(of: Self.digest(1), at: 10 + Self.day).isEmpty)
        #expect(late == secrets)
        #expect(!secrets.firstUse(of: Self.digest(1), at: 10 + Self.day - 1).isEmpty)
        #expect(secrets.current == CurrentSecret(digest: Self.digest(1), rotatedAt: 10, generation: 2))
        #expect(secrets.pending == nil)
        #expect(secrets.firstUse(of: Self.digest(1), at: 10 + Self.day).isEmpty)
        #expect(secrets.firstUse(of: Self.digest(0), at: 10 + Self.day).isEmpty)
        #expect(secrets.current.generation == 2)
    }

    @Test("3: a pending secret that lapsed is refused as expired, and can be sent again")
    func lapsed() throws {
        var secrets = Self.fresh()
        _ = try secrets.rotate(to: Self.digest(1), graceSeconds: 60, at: 0)
        let state = try #require(secrets.state(of: Self.digest(1)))
        #expect(state.failure(at: Self.day - 1, secrets.lifetime) == nil)
        #expect(state.failure(at: Self.day, secrets.lifetime) == .expired(at: Self.day))
        let actions = try secrets.rotate(to: Self.digest(1), graceSeconds: 60, at: Self.day)
        #expect(
            actions == [.setPending(PendingSecret(digest: Self.digest(1), generatedAt: Self.day, graceSeconds: 60))])
        #expect(secrets.authenticates(Self.digest(1), at: Self.day))
    }

    @Test("4: the former secret is valid for the grace period of the rotation, and older ones no longer than it")
    func grace() throws {
        var secrets = Self.fresh()
        try Self.replace(&secrets, by: 1, grace: 1000, at: 100)
        #expect(secrets.authenticates(Self.digest(0), at: 1099))
        #expect(!secrets.authenticates(Self.digest(0), at: 1100))
        try Self.replace(&secrets, by: 2, grace: 50, at: 200)
        for number in [0, 1] {
            #expect(secrets.authenticates(Self.digest(number), at: 249))
            #expect(!secrets.authenticates(Self.digest(number), at: 250))
        }
        let ended = try #require(secrets.state(of: Self.digest(0)))
        #expect(ended.failure(at: 250, secrets.lifetime) == .rotated(at: 100))
        #expect(ended.end(secrets.lifetime) == 250)
    }

    @Test("5: a later, longer grace period prolongs no other, and a retired secret never becomes valid again")
    func noRevival() throws {
        var secrets = Self.fresh()
        try Self.replace(&secrets, by: 1, grace: 10, at: 100)
        try Self.replace(&secrets, by: 2, grace: 100_000, at: 105)
        #expect(!secrets.authenticates(Self.digest(0), at: 110))
        #expect(secrets.authenticates(Self.digest(1), at: 110))
        #expect(secrets.firstUse(of: Self.digest(0), at: 105).isEmpty)
        #expect(secrets.current.digest == Self.digest(2))
    }

    @Test("6: a pending secret that another rotation replaces never authenticates again")
    func cancelled() throws {
        var secrets = Self.fresh()
        _ = try secrets.rotate(to: Self.digest(1), graceSeconds: 60, at: 10)
        let actions = try secrets.rotate(to: Self.digest(2), graceSeconds: 60, at: 20)
        #expect(actions.first == .retire(RetiredSecret(digest: Self.digest(1), rotatedAt: 20, endsAt: 20)))
        #expect(!secrets.authenticates(Self.digest(1), at: 20))
        #expect(secrets.firstUse(of: Self.digest(1), at: 20).isEmpty)
        #expect(secrets.state(of: Self.digest(1))?.failure(at: 20, secrets.lifetime) == .rotated(at: 20))
    }

    @Test("7: a repeated rotation changes nothing before and after the first use, except the grace period")
    func repeated() throws {
        var secrets = Self.fresh()
        _ = try secrets.rotate(to: Self.digest(1), graceSeconds: 60, at: 10)
        let before = secrets
        #expect(try secrets.rotate(to: Self.digest(1), graceSeconds: 60, at: 20).isEmpty)
        #expect(secrets == before)
        let displayed = secrets.afterFirstUse(of: Self.digest(1))
        let changed = PendingSecret(digest: Self.digest(1), generatedAt: 10, graceSeconds: 90)
        #expect(try secrets.rotate(to: Self.digest(1), graceSeconds: 90, at: 20) == [.setPending(changed)])
        #expect(!secrets.firstUse(of: Self.digest(1), at: 30).isEmpty)
        #expect(secrets.authenticates(Self.digest(0), at: 119))
        #expect(!secrets.authenticates(Self.digest(0), at: 120))
        let used = secrets
        #expect(try secrets.rotate(to: Self.digest(1), graceSeconds: 5, at: 40).isEmpty)
        #expect(secrets == used)
        #expect(secrets.current == displayed.current)
        // A repeat for the current secret does not describe the next rotation.
        _ = try secrets.rotate(to: Self.digest(2), graceSeconds: 5, at: 50)
        #expect(secrets.afterFirstUse(of: Self.digest(1)) == secrets)
    }

    @Test("7: a retired secret cannot rotate, but can repeat the rotation that replaced it")
    func retiredCaller() throws {
        var secrets = Self.fresh()
        try Self.replace(&secrets, by: 1, at: 10)
        let caller = try #require(secrets.state(of: Self.digest(0)))
        #expect(throws: TokenSecrets.RotationRefusal.retiredCaller) {
            try secrets.rotate(to: Self.digest(2), graceSeconds: 0, by: caller, at: 20)
        }
        #expect(secrets.pending == nil)
        #expect(try secrets.rotate(to: Self.digest(1), graceSeconds: 0, by: caller, at: 20).isEmpty)
    }

    @Test("8: after a revocation or the expiry nothing authenticates, and nothing changes that")
    func ended() throws {
        var secrets = Self.fresh(TokenLifetime(expiresAt: 100))
        try Self.replace(&secrets, by: 1, at: 10)
        _ = try secrets.rotate(to: Self.digest(2), graceSeconds: 60, at: 20)
        for number in 0...2 {
            #expect(secrets.authenticates(Self.digest(number), at: 99))
            #expect(!secrets.authenticates(Self.digest(number), at: 100))
            #expect(secrets.state(of: Self.digest(number))?.failure(at: 100, secrets.lifetime) == .expired(at: 100))
        }
        #expect(secrets.firstUse(of: Self.digest(2), at: 100).isEmpty)
        #expect(throws: TokenSecrets.RotationRefusal.expired) {
            try secrets.rotate(to: Self.digest(3), graceSeconds: 0, at: 100)
        }
        #expect(secrets.revoke(at: 50) == [.revoke(at: 50)])
        #expect(secrets.revoke(at: 60).isEmpty)
        #expect(secrets.lifetime.revokedAt == 50)
        for number in 0...2 { #expect(!secrets.authenticates(Self.digest(number), at: 50)) }
        #expect(secrets.state(of: Self.digest(0))?.failure(at: 50, secrets.lifetime) == .revoked(at: 50))
        #expect(secrets.firstUse(of: Self.digest(2), at: 50).isEmpty)
        #expect(throws: TokenSecrets.RotationRefusal.revoked) {
            try secrets.rotate(to: Self.digest(3), graceSeconds: 0, at: 100)
        }
    }

    @Test("9: the hundred-and-first grace period is refused until one of them ends")
    func gracePeriods() throws {
        var secrets = Self.fresh()
        for number in 1...100 { try Self.replace(&secrets, by: number, grace: 1000, at: Int64(number)) }
        #expect(secrets.retired.count == 100)
        #expect(throws: TokenSecrets.RotationRefusal.tooManyGracePeriods) {
            try secrets.rotate(to: Self.digest(101), graceSeconds: 0, at: 1000)
        }
        _ = try secrets.rotate(to: Self.digest(101), graceSeconds: 0, at: 1001)
    }

    @Test("9: a rotation forgets all but the sixteen secrets that ended last, and those that ended long ago")
    func forgotten() throws {
        var secrets = Self.fresh()
        for number in 1...20 { try Self.replace(&secrets, by: number, grace: 0, at: Int64(number)) }
        let actions = try secrets.rotate(to: Self.digest(21), graceSeconds: 0, at: 30)
        #expect(secrets.retired.map(\.digest) == (4..<20).map(Self.digest))
        #expect(actions.contains(.forget(digest: Self.digest(3))))
        #expect(secrets.state(of: Self.digest(3)) == nil)
        let long = 19 + TokenSecrets.endedRetentionSeconds
        _ = try secrets.rotate(to: Self.digest(22), graceSeconds: 0, at: long)
        #expect(secrets.retired.map(\.digest) == [Self.digest(19), Self.digest(21)])
    }

    @Test("10: a digest that is not one of the token's has no state")
    func unknown() throws {
        var secrets = Self.fresh()
        try Self.replace(&secrets, by: 1, at: 10)
        #expect(secrets.state(of: Self.digest(2)) == nil)
        #expect(secrets.state(of: TokenSecrets.noDigest) == nil)
        #expect(!secrets.authenticates(Self.digest(2), at: 10))
    }

    @Test("walks agree with a small model, and the written rows equal the state", arguments: 0..<40)
    func walks(number: Int) throws {
        let seed = UInt64.random(in: .min ... .max)
        print("walk \(number) over a token's secrets: seed \(seed)")
        try Self.walk(seed: seed)
    }

    static func walk(seed: UInt64) throws {
        var generator = SeededGenerator(seed: seed)
        let expiresAt: Int64? = Bool.random(using: &generator) ? 200 * day : nil
        var machine = fresh(TokenLifetime(expiresAt: expiresAt))
        var model = SecretsModel(expiresAt: expiresAt)
        var table = SecretsTable(machine)
        var now: Int64 = 0
        var count = 1
        for step in 0..<200 {
            let known = model.known.suffix(6)
            switch Int.random(in: 0..<20, using: &generator) {
            case 0..<4: now += ([1, 30, 90, 3600, day] as [Int64]).randomElement(using: &generator) ?? 1
            case 4..<9:
                let grace = ([0, 60, 120, 7 * day] as [Int64]).randomElement(using: &generator) ?? 0
                var next = count
                if Int.random(in: 0..<3, using: &generator) == 0 {
                    next = known.filter { model.canRepeat($0, at: now) }.randomElement(using: &generator) ?? next
                } else {
                    count += 1
                }
                let caller = known.randomElement(using: &generator) ?? 0
                let state = machine.state(of: digest(caller))
                let expected = model.rotate(
                    to: next, grace: grace, isRetired: state != nil && model.isReplaced(caller), at: now)
                let result = Result { try machine.rotate(to: digest(next), graceSeconds: grace, by: state, at: now) }
                switch result {
                case .success(let actions):
                    table.apply(actions)
                    #expect(expected == (actions.isEmpty ? .repeated : .changed), "seed \(seed), step \(step)")
                case .failure(let refusal as TokenSecrets.RotationRefusal):
                    #expect(expected == .refused(refusal), "seed \(seed), step \(step)")
                case .failure(let error): throw error
                }
            case 9 where step > 150:
                table.apply(machine.revoke(at: now))
                model.revokedAt = model.revokedAt ?? now
            default:
                let used = known.randomElement(using: &generator) ?? 0
                let isValid = model.use(used, at: now)
                #expect(machine.authenticates(digest(used), at: now) == isValid, "seed \(seed), step \(step)")
                table.apply(machine.firstUse(of: digest(used), at: now))
            }
            #expect(table.secrets == SecretsTable(machine).secrets, "seed \(seed), step \(step)")
            for secret in model.known.suffix(12) {
                #expect(
                    machine.authenticates(digest(secret), at: now) == model.isValid(secret, at: now),
                    "seed \(seed), step \(step), secret \(secret)")
            }
            #expect(machine.current.digest == digest(model.current), "seed \(seed), step \(step)")
            #expect(machine.current.generation == Int64(model.uses.count), "seed \(seed), step \(step)")
        }
    }
}

/// A model of rotation: the secrets in the order of their first use.
private struct SecretsModel {
    enum Expected: Equatable {
        case changed, repeated
        case refused(TokenSecrets.RotationRefusal)
    }

    var expiresAt: Int64?
    var revokedAt: Int64?
    /// The secrets that were in use, with the time of the first use and the grace period from then on.
    var uses: [(secret: Int, at: Int64, grace: Int64)] = [(0, 0, 0)]
    var pending: (secret: Int, since: Int64, grace: Int64)?
    var known = [0]

    var current: Int { uses[uses.count - 1].secret }

    func isOver(at now: Int64) -> Bool { revokedAt != nil || now >= expiresAt ?? .max }

    /// Whether a newer secret, or another rotation, replaced the secret.
    func isReplaced(_ secret: Int) -> Bool { secret != current && secret != pending?.secret }

    func isValid(_ secret: Int, at now: Int64) -> Bool {
        if isOver(at: now) { return false }
        if let pending, pending.secret == secret { return now < pending.since + 86_400 }
        guard let place = uses.firstIndex(where: { $0.secret == secret }) else { return false }
        return uses[(place + 1)...].allSatisfy { now < $0.at + $0.grace }
    }

    /// Whether the outcome of a rotation to a known secret is independent of forgotten secrets.
    func canRepeat(_ secret: Int, at now: Int64) -> Bool {
        secret == current || secret == pending?.secret || isValid(secret, at: now)
    }

    /// Returns whether the secret authenticates, and applies its first use.
    mutating func use(_ secret: Int, at now: Int64) -> Bool {
        guard isValid(secret, at: now) else { return false }
        if let pending, pending.secret == secret {
            uses.append((secret, now, pending.grace))
            self.pending = nil
        }
        return true
    }

    mutating func rotate(to next: Int, grace: Int64, isRetired: Bool, at now: Int64) -> Expected {
        if revokedAt != nil { return .refused(.revoked) }
        if now >= expiresAt ?? .max { return .refused(.expired) }
        if next == current { return uses.count > 1 ? .repeated : .refused(.reusedSecret) }
        if let pending, pending.secret == next, isValid(next, at: now) {
            guard pending.grace != grace else { return .repeated }
            self.pending?.grace = grace
            return .changed
        }
        if known.contains(next), pending?.secret != next { return .refused(.reusedSecret) }
        if isRetired { return .refused(.retiredCaller) }
        pending = (next, now, grace)
        if !known.contains(next) { known.append(next) }
        return .changed
    }
}

/// The rows that the actions write.
private struct SecretsTable {
    private var current: CurrentSecret
    private var pending: PendingSecret?
    private var retired: [[UInt8]: RetiredSecret]
    private var lifetime: TokenLifetime

    init(_ secrets: TokenSecrets) {
        (current, pending, lifetime) = (secrets.current, secrets.pending, secrets.lifetime)
        retired = Dictionary(uniqueKeysWithValues: secrets.retired.map { ($0.digest, $0) })
    }

    mutating func apply(_ actions: [TokenSecrets.Action]) {
        for action in actions {
            switch action {
            case .setCurrent(let secret): (current, pending) = (secret, nil)
            case .setPending(let secret): pending = secret
            case .endGracePeriods(let end):
                retired = retired.mapValues {
                    RetiredSecret(digest: $0.digest, rotatedAt: $0.rotatedAt, endsAt: min($0.endsAt, end))
                }
            case .retire(let secret): retired[secret.digest] = secret
            case .forget(let digest): retired[digest] = nil
            case .revoke(let time): lifetime.revokedAt = time
            }
        }
    }

    var secrets: TokenSecrets {
        let sorted = retired.values.sorted { $0.digest.lexicographicallyPrecedes($1.digest) }
        return TokenSecrets(current: current, pending: pending, retired: sorted, lifetime: lifetime)
    }
}
