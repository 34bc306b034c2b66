import PodstackAPI
import Testing

@testable import PodstackServer

@Suite("The cost of a run", .timeLimit(.perTest))
struct RunCostTests {
    private func run(_ start: Int64, _ end: Int64?, price: Int64) -> BillingStore.Run {
        BillingStore.Run(
            charge: PodCharge(podID: "pod_1", accountID: "acc_1", projectID: "prj_1", pricePerHour: price),
            userID: "usr_1", gpuCount: 2, startedAt: start, finishedAt: end)
    }

    @Test(
        "every started second is charged, and rounded to millionths once",
        arguments: [
            (0, 1, 3600, 1), (0, 1000, 3600, 1), (0, 1001, 3600, 2), (0, 3_600_000, 2_500_000, 2_500_000),
            (0, 1_800_000, 2_500_001, 1_250_001), (0, 1000, 1799, 0), (0, 1000, 1800, 1), (500, 1500, 7200, 2),
            (500, 500, 7200, 0),
        ] as [(Int64, Int64, Int64, Int64)])
    func seconds(_ start: Int64, _ end: Int64, _ price: Int64, _ cost: Int64) {
        #expect(run(start, end, price: price).cost(to: end + 10_000) == cost)
    }

    @Test("the highest price over ten years does not overflow")
    func large() {
        let tenYears: Int64 = 10 * 366 * 86_400 * 1000
        let cost = run(0, tenYears, price: RunCost.maximumPricePerHour).cost(to: tenYears)
        #expect(cost == tenYears / 3_600_000 * RunCost.maximumPricePerHour)
    }

    @Test("the parts of a run add up to the whole, wherever it is cut")
    func parts() {
        var generator = SeededGenerator(seed: 16)
        for _ in 0..<2000 {
            let start = Int64.random(in: 0..<1_000_000, using: &generator)
            let end = start + Int64.random(in: 1..<10_000_000, using: &generator)
            let whole = run(
                start, Bool.random(using: &generator) ? end : nil, price: .random(in: 0..<9_999_999, using: &generator))
            let now = whole.finishedAt.map { $0 + 5 } ?? end
            var cuts = (0..<4).map { _ in Int64.random(in: 0..<end + 1000, using: &generator) }.sorted()
            cuts = [.min] + cuts + [.max]
            var (cost, seconds) = (Int64(0), Int64(0))
            for (begin, end) in zip(cuts, cuts.dropFirst()) {
                cost += whole.cost(from: begin, to: min(end, now))
                seconds += begin < now ? whole.seconds(from: max(begin, 0), to: min(end, now)) : 0
            }
            #expect(cost == whole.cost(to: now))
            #expect(seconds == whole.seconds(from: 0, to: now))
        }
    }

    private struct SeededGenerator: RandomNumberGenerator {
        var seed: UInt64
        mutating func next() -> UInt64 {
            seed = seed &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
            return seed ^ (seed >> 29)
        }
    }

    // MARK: - Reports

    @Test("a report by day splits a run at midnight in UTC, and its sum is the cost of the run")
    func days() {
        let day: Int64 = 86_400_000
        let run = run(day - 90_000, 3 * day + 30_500, price: 3_600_000)
        var report = UsageReport(.init(begin: 0, end: 5 * day), by: .day, now: 5 * day)
        report.add(run)
        let rows = report.rows { _ in [:] }
        #expect(rows.map(\.key) == ["1970-01-01", "1970-01-02", "1970-01-03", "1970-01-04"])
        #expect(rows.map(\.seconds) == [90, 86_400, 86_400, 31])
        #expect(rows.map(\.gpuSeconds) == [180, 172_800, 172_800, 62])
        #expect(report.totalCost == run.cost(to: 5 * day))
    }

    @Test("a running pod counts up to now, and a period cuts it")
    func period() {
        var report = UsageReport(.init(begin: 10_000, end: 60_000), by: .pod, now: 40_000)
        report.add(run(0, nil, price: 3_600_000))
        let rows = report.rows { _ in ["pod_1": "train"] }
        #expect(rows.map(\.seconds) == [30])
        #expect(rows.first?.name == "train")
        #expect(rows.first?.cost == Amount(millionths: 30_000))
    }

    @Test("groups beyond the maximum are summed up in one row")
    func many() {
        var report = UsageReport(.init(begin: 0, end: 100_000), by: .pod, now: 100_000)
        for number in 0..<UsageReport.maximumGroups + 50 {
            var one = run(0, 1000, price: 3600 * Int64(number + 1))
            one.charge.podID = "pod_\(number)"
            report.add(one)
        }
        let rows = report.rows { _ in [:] }
        #expect(rows.count == UsageReport.maximumGroups)
        #expect(rows.last?.key == UsageReport.otherKey)
        #expect(rows.map(\.cost.millionths).reduce(0, +) == report.totalCost)
        #expect(rows.first?.key == "pod_1049")
    }

    // MARK: - Limits

    @Test("a limit is within another one if it is no larger and its period no shorter")
    func within() {
        func limit(_ amount: Amount, _ period: SpendLimit.Period) -> SpendLimit {
            .init(amount: amount, period: period)
        }
        #expect(limit(5, .month).isWithin(limit(5, .month)))
        #expect(limit(5, .month).isWithin(limit(5, .day)))
        #expect(limit(5, .total).isWithin(limit(5, .day)))
        #expect(!limit(5, .day).isWithin(limit(5, .month)))
        #expect(!limit(5, .month).isWithin(limit(5, .total)))
        #expect(!limit(5.000001, .total).isWithin(limit(5, .total)))
        #expect(!limit(1, "week").isWithin(limit(5, .day)))
    }

    @Test("a period starts at midnight in UTC, on the first of the month, or at the beginning")
    func periods() {
        let time: Int64 = 1_709_210_096_789  // 2024-02-29T12:34:56.789Z
        #expect(SpendLimit(amount: 1, period: .day).periodStart(at: time) == 1_709_164_800_000)
        #expect(SpendLimit(amount: 1, period: .month).periodStart(at: time) == 1_706_745_600_000)
        #expect(SpendLimit(amount: 1, period: .total).periodStart(at: time) == 0)
    }
}

@Suite("Amounts", .timeLimit(.perTest))
struct AmountTests {
    @Test(
        "an amount is parsed exactly",
        arguments: [
            ("2.50", 2_500_000), ("0", 0), ("-1", -1_000_000), ("0.000001", 1), ("1000000", 1_000_000_000_000),
            ("4000000000", 4_000_000_000_000_000), ("-0.5", -500_000),
        ] as [(String, Int64)])
    func valid(_ text: String, _ millionths: Int64) { #expect(Amount(text: text)?.millionths == millionths) }

    @Test(
        "any other text is not an amount",
        arguments: [
            "", "-", ".", "1.", ".5", "1.0000001", "1e3", "+1", " 1", "1,5", "٣", "nan", "10000000001", "1.2.3", "--1",
        ])
    func invalid(_ text: String) { #expect(Amount(text: text) == nil) }

    @Test(
        "an amount is printed with at least two decimals",
        arguments: [
            (2_500_000, "2.50"), (694, "0.000694"), (0, "0.00"), (-500_000, "-0.50"), (.min, "-9223372036854.775808"),
        ] as [(Int64, String)])
    func text(_ millionths: Int64, _ text: String) { #expect(Amount(millionths: millionths).description == text) }

    @Test("an amount survives JSON")
    func json() throws {
        for millionths in [0, 1, -1, 999_999, 2_500_000, 123_456_789_012, 3_999_999_999_999_999] as [Int64] {
            let amount = Amount(millionths: millionths)
            #expect(try APICoding.decode(Amount.self, from: APICoding.encode(amount)) == amount)
        }
    }

    @Test("sums stay in the range of the type")
    func sums() {
        #expect(Amount(millionths: .max) + 1 == Amount(millionths: .max))
        #expect(Amount(millionths: .min) - 1 == Amount(millionths: .min))
        for (value, millionths) in [(2.0000004, 2_000_000), (.infinity, nil), (.nan, nil), (1e10, nil)]
            as [(Double, Int64?)]
        {
            #expect(Amount(value)?.millionths == millionths, "\(value)")
        }
    }
}
