import Foundation
import PodstackTestSupport
import Testing

@testable import PodstackServer

/// Compares the dashboard and the alert rules with the metrics of a service; scripts/monitoring checks them with promtool.
@Suite("The files for monitoring", .blocking, .databases, .timeLimit(.perTest))
struct MonitoringTests {
    private static func text(_ path: String) throws -> String {
        try String(
            contentsOf: URL(filePath: #filePath).appending(path: "../../../" + path).standardized, encoding: .utf8)
    }

    /// A metric in a query, with the labels that the query compares.
    private struct Use: Hashable {
        var metric: String
        var labels: [String]
    }

    /// Returns the metrics of queries, which all have a selector in braces.
    private func uses(in queries: String) -> Set<Use> {
        Set(
            queries.matches(of: /\b((?:podstack|process)_[a-z_]+|up)\{([^}]*)\}/).map { match in
                let labels = match.2.matches(of: /([a-z_]+)\s*[=!]/).map { String($0.1) }
                return Use(metric: String(match.1), labels: labels.filter { !["job", "instance"].contains($0) })
            })
    }

    private func queries(in json: Any) -> [String] {
        switch json {
        case let object as [String: Any]:
            object.flatMap { key, value in
                if key == "expr" || key == "query", let text = value as? String { [text] } else { queries(in: value) }
            }
        case let array as [Any]: array.flatMap(queries)
        default: []
        }
    }

    /// Returns the metrics of a service in which everything has happened that creates a metric.
    private func metrics() throws -> String {
        let session = try TestClient()
        let service = session.server.server.service
        service.metrics.certificateExpires(at: 2_000_000_000)
        #expect(try session.whoami().status == 200)
        #expect(try session.with(TestToken.generate(id: "00000000")).whoami().status == 401)
        Housekeeping(service).run()
        return try session.send("GET", "/metrics").body
    }

    private func expect(_ uses: Set<Use>, in text: String) {
        let samples = text.split(separator: "\n").filter { !$0.hasPrefix("#") }
        #expect(uses.count > 10)
        for use in uses where use.metric != "up" {
            // Only PostgreSQL has connections.
            if TestDatabase.current == .sqlite, use.metric.hasPrefix("podstack_database_connections") { continue }
            let found = samples.filter { $0.hasPrefix(use.metric + "{") || $0.hasPrefix(use.metric + " ") }
            #expect(!found.isEmpty, "\(use.metric)")
            for label in use.labels {
                #expect(found.contains { $0.contains("\(label)=\"") }, "\(use.metric) \(label)")
            }
        }
    }

    @Test("every query of the Grafana dashboard uses metrics and labels that exist", arguments: TestDatabase.selected)
    func dashboard(_: TestDatabase) throws {
        let text = try Self.text("deploy/grafana-dashboard.json")
        let object = try #require(try JSONSerialization.jsonObject(with: Data(text.utf8)) as? [String: Any])
        #expect(object["title"] as? String == "podstack-server")
        #expect(object["uid"] != nil && object["schemaVersion"] != nil)
        let panels = try #require(object["panels"] as? [[String: Any]])
        #expect(Set(panels.compactMap { $0["id"] as? Int }).count == panels.count)
        for panel in panels where panel["type"] as? String != "row" {
            #expect(panel["description"] as? String != nil && panel["title"] as? String != nil)
            for query in queries(in: panel["targets"] ?? []) {
                // A metric without a selector would be one that this test does not see.
                let names = query.matches(of: /\b(podstack|process)_[a-z_]+/).map { String($0.0) }
                #expect(Set(names) == Set(uses(in: query).map(\.metric)).subtracting(["up"]), "\(query)")
            }
        }
        expect(uses(in: queries(in: panels).joined(separator: "\n")), in: try metrics())
    }

    @Test("every alert rule uses metrics and labels that exist", arguments: TestDatabase.selected)
    func alerts(_: TestDatabase) throws {
        let text = try Self.text("deploy/alerts.yml")
        expect(uses(in: text), in: try metrics())
        let tests = try Self.text("Tests/Monitoring/alerts_test.yml")
        for rule in text.matches(of: /- alert: ([A-Za-z]+)/) { #expect(tests.contains(rule.1), "\(rule.1)") }
    }

    @Test("the operator's guide names every metric and every alert", arguments: TestDatabase.selected)
    func guide(_: TestDatabase) throws {
        let guide = try Self.text("docs/operating.md")
        let names = try metrics().matches(of: /TYPE ([a-z_]+)\b/).map { String($0.1) }
        #expect(names.count > 20)
        for name in names { #expect(guide.contains("`\(name)"), "\(name)") }
        for rule in try Self.text("deploy/alerts.yml").matches(of: /- alert: ([A-Za-z]+)/) {
            #expect(guide.contains("`\(rule.1)`"), "\(rule.1)")
        }
    }
}
