import Foundation
import PodstackAPI
import PodstackTestSupport

extension Browser {
    /// What axe-core finds on the page that keeps people out: each rule with how bad it is, what is to be done, and
    /// where. It looks at what is displayed now, in the colours of now.
    ///
    /// - Parameter impacts: How bad: also `moderate` and `minor`.
    func accessibilityProblems(_ impacts: Set<String> = ["critical", "serious"]) throws -> [String] {
        struct Violation: Decodable {
            var id: String
            var impact: String
            var help: String
            var places: [String]
        }
        let axe = try String(contentsOfFile: PythonOracle.file("axe.min.js"), encoding: .utf8)
        let violations = try execute(
            axe + """
                ;return axe.run(document, {
                    resultTypes: ["violations"], rules: {"target-size": {enabled: true}}
                }).then(found => found.violations.map(violation => ({
                    id: violation.id, impact: violation.impact, help: violation.help,
                    places: violation.nodes.map(node => node.target.join(" "))
                })));
                """, as: [Violation].self)
        return violations.filter { impacts.contains($0.impact) }.map { violation in
            "\(violation.impact) \(violation.id): \(violation.help), at \(violation.places.joined(separator: ", "))"
        }
    }
}
