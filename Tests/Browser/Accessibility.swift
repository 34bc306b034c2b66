import Foundation
import PodstackAPI
import PodstackTestSupport

extension Browser {
    /// Returns the problems that axe-core finds: each rule with its impact, its help text and its elements.
    ///
    /// It checks what is displayed at the moment, in the current colors. `impacts` can also contain `moderate` and
    /// `minor`.
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
