import PodstackAPI
import PodstackTestSupport
import Testing

@testable import PodstackServer

@Suite("Spending and its limits", .blocking, .databases, .timeLimit(.perTest))
struct SpendingTests {
    /// Milliseconds since 1970: 2026-11-10T00:00:00Z.
    private static let now: Int64 = 1_794_268_800_000
    private static let minute: Int64 = 60_000
    private static let hour: Int64 = 3_600_000

    private let owner: TestClient
    private let billing = Billing()
    private let user: UserRecord
    private var database: any Database { owner.server.server.service.database }

    init() throws {
        owner = try TestClient()
        let email = try owner.whoami().decoded(User.self).email
        user = try owner.server.server.service.database.read { try #require(try UserStore.find(email: email, in: $0)) }
    }

    private func charge(
        _ podID: String, price: Amount = 6, tokenID: String? = nil, maxCost: Amount? = nil
    ) -> PodCharge {
        PodCharge(
            podID: podID, accountID: user.accountID, projectID: user.defaultProjectID, tokenID: tokenID,
            pricePerHour: price.millionths, maxCost: maxCost?.millionths)
    }

    private func record(_ charge: PodCharge, _ start: Int64, _ end: Int64?) throws {
        try database.write { connection in
            try billing.record(
                charge, userID: user.id, gpuType: "A100", gpuCount: 1, startedAt: Self.now + start,
                finishedAt: end.map { Self.now + $0 }, in: connection)
        }
    }

    private func credit(_ amount: Amount) throws {
        try database.write {
            try BillingStore.credit(
                amount.millionths, accountID: user.accountID, reason: nil, at: 1, in: $0)
        }
    }

    private func balance(_ after: Int64) throws -> Amount {
        Amount(
            millionths: try database.read {
                try billing.balance(accountID: user.accountID, now: Self.now + after, in: $0)
            })
    }

    private func refusal(_ charge: PodCharge, _ after: Int64 = 0) throws -> SpendLimitKind? {
        do {
            try database.read { try billing.requireCover(charge, now: Self.now + after, in: $0) }
            return nil
        } catch let error as DomainError {
            guard case .insufficientBalance(_, _, let limit) = error else { throw error }
            return limit
        }
    }

    private func review(_ after: Int64) throws -> Billing.Review {
        try database.read { try billing.review(now: Self.now + after, in: $0) }
    }

    private func key(_ client: TestClient) -> String { client.id }

    // MARK: - Runs

    @Test("a run is billed once, however often it is recorded", arguments: TestDatabase.selected)
    func once(_: TestDatabase) throws {
        try credit(10)
        for _ in 0..<3 { try record(charge("pod_a"), 0, nil) }
        #expect(try balance(Self.minute * 10) == 9)
        for _ in 0..<3 { try record(charge("pod_a"), 0, Self.minute * 30) }
        #expect(try balance(Self.hour) == 7)
        // A run that was taken for lost is found again.
        try record(charge("pod_a"), 0, nil)
        #expect(try balance(Self.hour) == 4)
        try record(charge("pod_a"), 0, Self.minute * 30)
        #expect(try balance(Self.hour * 5) == 7)
        // The engine corrects the end.
        try record(charge("pod_a"), 0, Self.minute * 20)
        #expect(try balance(Self.hour) == 8)
        try record(charge("pod_a"), Self.hour, Self.hour + Self.minute * 10)
        #expect(try balance(Self.hour * 2) == 7)
        #expect(
            try database.read { try billing.costs(of: ["pod_a", "pod_b"], now: Self.now + Self.hour * 2, in: $0) }
                == ["pod_a": 3_000_000])
    }

    @Test("an end before the start costs nothing", arguments: TestDatabase.selected)
    func inverted(_: TestDatabase) throws {
        try record(charge("pod_a"), Self.minute, 0)
        #expect(try balance(Self.hour) == 0)
    }

    // MARK: - The wallet

    @Test("a free pod needs no credit, and another one a second of it", arguments: TestDatabase.selected)
    func wallet(_: TestDatabase) throws {
        #expect(try refusal(charge("pod_a", price: 0)) == nil)
        #expect(try refusal(charge("pod_a")) == .wallet)
        try credit(0.001666)
        #expect(try refusal(charge("pod_a")) == .wallet)
        try credit(0.000001)
        #expect(try refusal(charge("pod_a")) == nil)
    }

    @Test("every priced pod of an account without credit has to stop", arguments: TestDatabase.selected)
    func emptyWallet(_: TestDatabase) throws {
        try credit(1)
        try record(charge("pod_a"), 0, nil)
        try record(charge("pod_free", price: 0), 0, nil)
        #expect(try review(Self.minute * 10 - 1000).exhausted.isEmpty)
        let exhausted = try review(Self.minute * 10).exhausted
        #expect(exhausted.map(\.podID) == ["pod_a"] && exhausted.map(\.limit) == [.wallet])
    }

    @Test("a pod that reaches its maximum cost has to stop, over all of its runs", arguments: TestDatabase.selected)
    func maxCost(_: TestDatabase) throws {
        try credit(100)
        try database.write { connection in
            _ = try connection.execute(
                """
                INSERT INTO pods (id, account_id, project_id, user_id, name, specification, labels, gpu_count,
                    price_per_hour, max_cost, desired, grace_seconds, run_number, prepared_run, replaces, attempts, status,
                    addresses, last_event_number, revision, created_at, changed_at)
                VALUES ('pod_a', \(user.accountID), \(user.defaultProjectID), \(user.id), 'a', '{}', '{}', 1, 6000000,
                    3000000, 'running', 10, 1, 1, 0, 0, 'running', '{}', 0, 1, 1, 1)
                """)
        }
        let pod = charge("pod_a", maxCost: 3)
        try record(pod, 0, Self.minute * 20)
        #expect(try refusal(pod, Self.hour) == nil)
        try record(pod, Self.hour, nil)
        #expect(try review(Self.hour + Self.minute * 10 - 1000).exhausted.isEmpty)
        #expect(try review(Self.hour + Self.minute * 10).exhausted.map(\.limit) == [.pod])
        #expect(try refusal(pod, Self.hour + Self.minute * 10) == .pod)
    }

    // MARK: - Budgets

    @Test("a project's limit counts all of its pods, in its period only", arguments: TestDatabase.selected)
    func projectLimit(_: TestDatabase) throws {
        try credit(1000)
        let project = user.defaultProjectID
        let limit = #"{"spend_limit": {"amount": 6, "period": "day"}}"#
        #expect(try owner.send("PATCH", "/v1/projects/\(project)", limit).status == 200)
        // 12 an hour from 23:30 the day before: half of it counts for today.
        try record(charge("pod_a", price: 12), -Self.minute * 30, nil)
        #expect(try review(Self.minute * 30 - 1000).exhausted.isEmpty)
        #expect(try review(Self.minute * 30).exhausted.map(\.limit) == [.project])
        #expect(try refusal(charge("pod_b"), Self.minute * 30) == .project)
        #expect(try review(Self.hour * 24).exhausted.isEmpty)
        #expect(try owner.send("PATCH", "/v1/projects/\(project)", #"{"spend_limit": null}"#).status == 200)
        #expect(try review(Self.hour * 48).exhausted.isEmpty)
    }

    @Test("each share of a budget is reported once", arguments: TestDatabase.selected)
    func notices(_: TestDatabase) throws {
        try credit(1000)
        let project = user.defaultProjectID
        let limit = #"{"spend_limit": {"amount": 6, "period": "month"}}"#
        #expect(try owner.send("PATCH", "/v1/projects/\(project)", limit).status == 200)
        try record(charge("pod_a"), 0, nil)
        #expect(try review(Self.minute * 29).notices.isEmpty)
        func report(_ after: Int64) throws -> [Int] {
            let notices = try review(after).notices
            try owner.server.server.service.changes.perform(by: .administrator, at: 1) {
                try billing.record(notices + notices, now: Self.now + after, in: $0)
            }
            return notices.map(\.percent)
        }
        #expect(try report(Self.minute * 30) == [50])
        #expect(try report(Self.minute * 31) == [])
        #expect(try report(Self.hour) == [80, 100])
        #expect(try report(Self.hour) == [])
        let events = try owner.send("GET", "/v1/audit-logs?action=budget_reached").decoded(Page<AuditEvent>.self)
        #expect(events.elements.map { $0.details["percent"] } == [.integer(100), .integer(80), .integer(50)])
    }

    // MARK: - Tokens

    private static let limit = #""spend_limit": {"amount": 6, "period": "day"}"#

    @Test("what a token spends counts for the tokens that created it", arguments: TestDatabase.selected)
    func tokenLimit(_: TestDatabase) throws {
        try credit(1000)
        let parent = try owner.createToken(Self.limit)
        let child = try parent.createToken()
        #expect(try child.send("GET", "/v1/tokens/self").decoded(Token.self).spendLimit?.amount == 6)
        let grandchild = try child.createToken(#""spend_limit": {"amount": 5, "period": "total"}"#)
        try record(charge("pod_a", tokenID: key(grandchild)), 0, Self.minute * 30)
        try record(charge("pod_b", tokenID: key(parent)), Self.hour, nil)
        #expect(try refusal(charge("pod_c", tokenID: key(child)), Self.hour + Self.minute * 29) == nil)
        #expect(try review(Self.hour + Self.minute * 30).exhausted.map(\.limit) == [.token])
        #expect(try refusal(charge("pod_c", tokenID: key(child)), Self.hour + Self.minute * 30) == .token)
        #expect(try refusal(charge("pod_c"), Self.hour + Self.minute * 30) == nil)
    }

    @Test("no token gives a token a wider spend limit than its own", arguments: TestDatabase.selected)
    func wider(_: TestDatabase) throws {
        let limited = try owner.createToken(Self.limit)
        let unlimited = try owner.createToken()
        for wider in [
            #"{"amount": 6.000001, "period": "day"}"#, #"{"amount": 7, "period": "total"}"#,
        ] {
            let body = #"{"name": "x", "spend_limit": \#(wider)}"#
            #expect(try limited.send("POST", "/v1/tokens", body).code == "validation_failed", "\(wider)")
            let change = #"{"spend_limit": \#(wider)}"#
            #expect(
                try limited.send("PATCH", "/v1/tokens/\(limited.id)", change).code == "validation_failed", "\(wider)")
        }
        #expect(
            try limited.send("PATCH", "/v1/tokens/\(limited.id)", #"{"spend_limit": null}"#).code == "validation_failed"
        )
        // It cannot make another token spend for it either.
        let narrow = #"{\#(Self.limit)}"#
        #expect(try limited.send("PATCH", "/v1/tokens/\(unlimited.id)", narrow).code == "insufficient_scope")
        #expect(try limited.send("POST", "/v1/tokens/\(unlimited.id)/rotate").code == "insufficient_scope")
        let sibling = try owner.createToken(Self.limit)
        #expect(try limited.send("POST", "/v1/tokens/\(sibling.id)/rotate").code == "insufficient_scope")
        #expect(try limited.send("POST", "/v1/tokens/\(limited.id)/rotate").status == 200)
        let child = try limited.createToken()
        #expect(try limited.send("POST", "/v1/tokens/\(child.id)/rotate").status == 200)
        #expect(try owner.send("PATCH", "/v1/tokens/\(limited.id)", #"{"spend_limit": null}"#).status == 200)
    }

    @Test("a project's limit cannot be widened by a token that has one", arguments: TestDatabase.selected)
    func projectByToken(_: TestDatabase) throws {
        let limited = try owner.createToken(Self.limit)
        let path = "/v1/projects/\(user.defaultProjectID)"
        #expect(try owner.send("PATCH", path, #"{"spend_limit": {"amount": 5, "period": "day"}}"#).status == 200)
        let wider = #"{"spend_limit": {"amount": 6, "period": "day"}}"#
        #expect(try limited.send("PATCH", path, wider).code == "validation_failed")
        #expect(try limited.send("PATCH", path, #"{"spend_limit": null}"#).code == "validation_failed")
        #expect(try limited.send("PATCH", path, #"{"spend_limit": {"amount": 4, "period": "day"}}"#).status == 200)
    }

    @Test("a new project has its limit, which only an admin of the project changes", arguments: TestDatabase.selected)
    func projectByMember(_: TestDatabase) throws {
        let limit = #""spend_limit": {"amount": 5, "period": "day"}"#
        let project = try owner.send("POST", "/v1/projects", #"{"name": "p", \#(limit)}"#).decoded(Project.self)
        #expect(project.spendLimit != nil)
        let path = "/v1/projects/\(project.id)"
        let server = owner.server.server
        try server.addUser("member@example.com")
        let member = owner.with(try server.createToken("member@example.com"))
        let id = try member.whoami().decoded(User.self).id
        try owner.send(
            "POST", path + "/members",
            #"{"email": "member@example.com", "role": "user", "permissions": ["create", "read", "update"]}"#)
        try member.send("POST", path + "/members/\(id)/accept")
        for body in [#"{"spend_limit": null}"#, #"{"spend_limit": {"amount": 4, "period": "day"}}"#] {
            #expect(try member.send("PATCH", path, body).code == "member_forbidden", "\(body)")
        }
        #expect(try member.send("PATCH", path, "{\"name\": \"q\", \(limit)}").status == 200)
        #expect(try owner.send("PATCH", path, #"{"spend_limit": null}"#).status == 200)
    }

    @Test("an invalid limit names its field", arguments: TestDatabase.selected)
    func invalid(_: TestDatabase) throws {
        for value in [
            "5", #""5""#, "[]", "{}", #"{"amount": -1, "period": "day"}"#, #"{"amount": "1", "period": "day"}"#,
            #"{"amount": 1, "period": "week"}"#, #"{"amount": 1e300, "period": "day"}"#,
            #"{"amount": 1, "period": "day", "x": 1}"#,
        ] {
            let response = try owner.send("POST", "/v1/tokens", #"{"name": "x", "spend_limit": \#(value)}"#)
            #expect(response.code == "validation_failed", "\(value)")
            #expect(response.body.contains("spend_limit"), "\(value)")
        }
    }

    @Test(
        "a budget of a token is reported to the token's account, and its name only there",
        arguments: TestDatabase.selected)
    func foreignToken(_: TestDatabase) throws {
        try credit(1000)
        let server = owner.server.server
        try server.addUser("guest@example.com")
        let guest = owner.with(try server.createToken("guest@example.com"))
        let limited = try guest.createToken(#""spend_limit": {"amount": 6, "period": "total"}"#)
        let time = Int64(server.service.now()) * 1000
        try database.write { connection in
            try billing.record(
                charge("pod_a", price: 24, tokenID: key(limited)), userID: user.id, gpuType: nil, gpuCount: 0,
                startedAt: time - Self.minute * 10, finishedAt: nil, in: connection)
        }
        let notices = try database.read { try billing.review(now: time, in: $0) }.notices
        try #require(notices.map(\.percent) == [50])
        try server.service.changes.perform(by: .administrator, at: 1) {
            try billing.record(notices, now: time, in: $0)
        }
        let path = "/v1/audit-logs?action=budget_reached"
        #expect(try guest.send("GET", path).decoded(Page<AuditEvent>.self).elements.count == 1)
        #expect(try owner.send("GET", path).decoded(Page<AuditEvent>.self).elements.isEmpty)
        let from = TestClient.time((time - Self.hour * 24) / 1000)
        let usage = try owner.send("GET", "/v1/billing/usage?from=\(from)&group_by=token").decoded(Usage.self)
        #expect(usage.rows.map(\.key) == [key(limited)] && usage.rows[0].name == nil)
    }

    // MARK: - Routes

    @Test(
        "the wallet and the usage are those of the account, in the token's projects", arguments: TestDatabase.selected)
    func routes(_: TestDatabase) throws {
        let server = owner.server
        try credit(10)
        let time = Int64(server.server.service.now()) * 1000
        try database.write { connection in
            try billing.record(
                charge("pod_a", tokenID: key(owner)), userID: user.id, gpuType: nil, gpuCount: 0,
                startedAt: time - Self.hour, finishedAt: time - Self.minute * 30, in: connection)
        }
        let wallet = try owner.send("GET", "/v1/billing/wallet").decoded(Wallet.self)
        #expect(wallet.balance == 7 && wallet.credited == 10 && wallet.spent == 3)
        let from = TestClient.time((time - Self.hour * 24) / 1000)
        for (group, key) in [
            ("pod", "pod_a"), ("project", user.defaultProjectID), ("token", key(owner)),
        ] {
            let usage = try owner.send("GET", "/v1/billing/usage?from=\(from)&group_by=\(group)").decoded(Usage.self)
            #expect(usage.rows.map(\.key) == [key] && usage.totalCost == 3 && usage.rows[0].seconds == 1800)
        }
        #expect(try owner.send("GET", "/v1/billing/usage?from=\(from)").decoded(Usage.self).totalCost == 3)
        let other = try owner.send("POST", "/v1/projects", #"{"name": "other"}"#).decoded(Project.self)
        let restricted = try owner.createToken(#""project_ids": ["\#(other.id)"]"#)
        #expect(try restricted.send("GET", "/v1/billing/usage?from=\(from)").decoded(Usage.self).rows.isEmpty)
        let reader = try owner.createToken(#""scopes": ["pods:read"]"#)
        #expect(try reader.send("GET", "/v1/billing/wallet").code == "insufficient_scope")
        #expect(try reader.send("GET", "/v1/gpus").status == 200)
        for query in [
            "from=x", "group_by=user", "from=2026-02-30", "from=2030-01-02&to=2030-01-01", "from=2020-01-01", "a=1",
        ] {
            #expect(try owner.send("GET", "/v1/billing/usage?\(query)").code == "validation_failed", "\(query)")
        }
    }

    @Test("the GPUs of the operator are listed with those that are free", arguments: TestDatabase.selected)
    func gpus(_: TestDatabase) throws {
        try database.write { connection in
            try BillingStore.set(
                GPUType(name: "A100", memoryGigabytes: 80, pricePerHour: 2_500_000, devices: ["0", "1", "2"]), at: 1,
                in: connection)
            #expect(try billing.assign(2, of: "A100", used: ["1"], in: connection) == ["0", "2"])
            #expect(
                try billing.pricePerHour(
                    gpuType: "A100", gpuCount: 2, cpuMillicores: 4000, memoryGiB: 16, diskGiB: 50, in: connection)
                    == 5_000_000)
            try BillingStore.set(20_000, of: .cpu, in: connection)
            try BillingStore.set(1_000, of: .memory, in: connection)
            #expect(
                try billing.pricePerHour(
                    gpuType: nil, gpuCount: 0, cpuMillicores: 500, memoryGiB: 16, diskGiB: 50, in: connection)
                    == 26_000)
            for (count, type) in [(3, "A100"), (1, "H100")] {
                let error = #expect(throws: DomainError.self) {
                    try billing.assign(count, of: type, used: ["1"], in: connection)
                }
                guard case .gpuNotAvailable(let named, _) = error else {
                    Issue.record("\(String(describing: error))")
                    continue
                }
                #expect(named == type)
            }
        }
        let gpus = try owner.send("GET", "/v1/gpus").decoded(Page<GPU>.self).elements
        #expect(gpus == [GPU(id: "A100", memory: 80, total: 3, available: 3, pricePerHour: 2.5)])
    }
}
