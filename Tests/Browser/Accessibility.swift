import Foundation
import PodstackAPI
import PodstackTestSupport

extension Browser {
    /// Returns the problems of every impact that axe-core finds: each rule with its impact, its help text and its
    /// elements.
    ///
    /// It checks what is displayed at the moment, in the current colors.
    func accessibilityProblems() throws -> [String] {
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
        return violations.map { violation in
            "\(violation.impact) \(violation.id): \(violation.help), at \(violation.places.joined(separator: ", "))"
        }
    }

    /// Returns the links, buttons and fields that are smaller than 44 pixels in a direction, except links in sentences.
    ///
    /// The target of a checkbox or radio button includes its label. Source: WCAG 2.2, 2.5.5.
    func smallTargets() throws -> [String] {
        try execute(
            """
            const isShown = each => each.checkVisibility({opacityProperty: false, visibilityProperty: true})
                && !each.closest(".visually-hidden") && each.getBoundingClientRect().right > 0;
            const isInSentence = each => each.matches("a") && getComputedStyle(each).display === "inline"
                && [...each.parentElement.childNodes].some(node => node.nodeType === 3 && node.data.trim());
            const box = each => {
                const label = each.matches("[type=checkbox], [type=radio]") && each.closest("label");
                return (label || each).getBoundingClientRect();
            };
            return [...document.querySelectorAll("a[href], button, summary, select, textarea, input:not([type=hidden])")]
                .filter(each => isShown(each) && !isInSentence(each))
                .filter(each => box(each).width < 43.5 || box(each).height < 43.5)
                .map(each => `${each.outerHTML.slice(0, 120)}: ${box(each).width} x ${box(each).height}`);
            """, as: [String].self)
    }

    /// Returns how much the page moved while it was loading, as the sum of its layout shifts.
    ///
    /// Source: Layout Instability API, section 2.
    func layoutShift() throws -> Double {
        try execute(
            """
            return new Promise(resolve => {
                let sum = 0;
                const add = list => list.forEach(each => { if (!each.hadRecentInput) sum += each.value; });
                const observer = new PerformanceObserver(list => add(list.getEntries()));
                observer.observe({type: "layout-shift", buffered: true});
                setTimeout(() => { add(observer.takeRecords()); resolve(sum); }, 50);
            });
            """, as: Double.self)
    }

    /// Returns the elements that move although the user prefers reduced motion, as every test's browser says.
    func movingElements() throws -> [String] {
        try execute(
            """
            if (!matchMedia("(prefers-reduced-motion: reduce)").matches) return ["no preference"];
            return [...document.querySelectorAll("*")].filter(each => {
                const style = getComputedStyle(each);
                return style.transitionDuration.split(", ").some(time => parseFloat(time) > 0)
                    || style.animationName !== "none" || style.scrollBehavior === "smooth";
            }).map(each => each.outerHTML.slice(0, 120));
            """, as: [String].self)
    }
}
