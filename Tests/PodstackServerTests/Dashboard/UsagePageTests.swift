import PodstackAPI
import PodstackTestSupport
import Testing

@testable import PodstackServer

@Suite("The page of usage", .blocking, .databases, .timeLimit(.perTest))
struct UsagePageTests {
    /// 2027-05-10T09:30:00Z.
    let clock = ManualClock(1_809_941_400)
    let scene: DashboardScene
    var owner: TestClient { scene.owner }

    init() throws { scene = try DashboardScene(clock: clock) }

    /// Records a run of a pod that cost 3.60 an hour.
    private func run(
        _ pod: String, day: String, seconds: Int64, token: String? = nil, of email: String = RunningServer.email
    ) throws {
        let service = scene.service
        let start = try #require(CivilDate(day)).secondsSince1970 * 1000
        try service.database.write { connection in
            let user = try #require(try UserStore.find(email: email, in: connection))
            let charge = PodCharge(
                podID: pod, accountID: user.accountID, projectID: user.defaultProjectID, tokenID: token,
                pricePerHour: 3_600_000)
            try service.pods.billing.record(
                charge, userID: user.id, gpuType: "A100", gpuCount: 2, startedAt: start,
                finishedAt: start + seconds * 1000, in: connection)
        }
    }

    @Test("costs are summed up by day, project, token and pod", arguments: TestDatabase.selected)
    func sums(_: TestDatabase) throws {
        let token = TestClient(scene.server, try scene.server.createToken())
        try run("pod_a", day: "2027-05-02", seconds: 100, token: token.id)
        try run("pod_a", day: "2027-05-03", seconds: 50)
        try run("pod_b", day: "2027-05-03", seconds: 25)
        try run("pod_b", day: "2027-04-20", seconds: 1000)
        try scene.server.server.addUser("other@example.com")
        try run("pod_c", day: "2027-05-03", seconds: 5000, of: "other@example.com")
        let page = try owner.get("/usage")
        #expect(page.status == 200)
        #expect(page.body.contains("2027-05-02: 0.10") && page.body.contains("2027-05-03: 0.08"))
        for text in ["0.18", "from 2027-05-01 to 2027-05-10", "pod_a", "pod_b", "test", "Started in the dashboard"] {
            #expect(page.says(text), "\(text)")
        }
        #expect(!page.body.contains("pod_c"))
        #expect(page.body.contains("role=\"img\" aria-label=\"Spend of each day from 2027-05-01 to 2027-05-10"))
        #expect(page.texts("<rect class=\"mark\"", until: "</rect>").count == 10)
        // The balance: 1.175 was spent, and nothing credited.
        #expect(page.says("-1.18"))
        #expect(try owner.get("/usage?period=last-month").says("from 2027-04-01 to 2027-04-30"))
        #expect(try owner.get("/usage?period=7").says("from 2027-05-04 to 2027-05-10"))
        #expect(try owner.get("/usage?period=30").says("from 2027-04-11 to 2027-05-10"))
        let custom = try owner.get("/usage?period=custom&from=2027-04-20&to=2027-04-20")
        #expect(custom.says("1.00") && custom.says("pod_b") && !custom.says("pod_a"))
    }

    @Test("an account without pods has an empty report", arguments: TestDatabase.selected)
    func empty(_: TestDatabase) throws {
        let page = try owner.get("/usage")
        #expect(page.says("No pod ran in this period.") && page.says("0.00"))
    }

    @Test("wrong dates are next to their fields", arguments: TestDatabase.selected)
    func invalid(_: TestDatabase) throws {
        for (query, field) in [
            ("from=&to=", "from"), ("from=2027-02-30", "from"), ("from=x", "from"), ("from=1960-01-01", "from"),
            ("from=2027-05-02&to=2027-05-01", "to"), ("from=2020-01-01", "to"), ("from=2027-01-01&to=x", "to"),
        ] {
            let page = try owner.get("/usage?period=custom&" + query)
            #expect(page.status == 422 && page.body.contains("id=\"\(field)-problem\""), "\(query)")
            #expect(try owner.get("/usage.csv?period=custom&" + query).status == 422, "\(query)")
        }
        #expect(try owner.get("/usage?period=always").status == 422)
        #expect(try owner.get("/usage?perod=7").status == 422)
        #expect(try owner.get("/usage.csv?group_by=color").status == 422)
        #expect(try owner.get("/usage?period=7&period=7").status == 400)
    }

    @Test("the CSV file has the same rows, and no formulas", arguments: TestDatabase.selected)
    func export(_: TestDatabase) throws {
        try run("pod_a", day: "2027-05-02", seconds: 100)
        try run("=1+1", day: "2027-05-03", seconds: 50)
        let days = try owner.get("/usage.csv")
        #expect(days.headers["content-type"] == "text/csv; charset=utf-8")
        #expect(
            days.headers["content-disposition"]
                == "attachment; filename=\"usage-by-day-2027-05-01-2027-05-10.csv\"")
        #expect(
            days.body == "day,name,seconds,gpu_seconds,cost\r\n"
                + "\"2027-05-02\",\"\",\"100\",\"200\",\"0.10\"\r\n\"2027-05-03\",\"\",\"50\",\"100\",\"0.05\"\r\n")
        let pods = try owner.get("/usage.csv?group_by=pod")
        #expect(pods.body.hasSuffix("\"'=1+1\",\"\",\"50\",\"100\",\"0.05\"\r\n"))
        #expect(try owner.get("/usage.csv?period=last-month").body == "day,name,seconds,gpu_seconds,cost\r\n")
        #expect(try TestClient(scene.server).get("/usage.csv").headers["location"]?.hasPrefix("/sign-in") == true)
    }
}
