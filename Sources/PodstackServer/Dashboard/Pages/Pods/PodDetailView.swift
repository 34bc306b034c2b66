import PodstackAPI

#if canImport(FoundationEssentials)
    import FoundationEssentials
#else
    import Foundation
#endif

/// The state of a pod with its reason, its cost and its addresses.
struct PodStateView: Component {
    let details: PodDetails
    /// Milliseconds since 1970.
    let now: Int64

    private var pod: PodRecord { details.pod }

    var body: some HTML {
        Element("div", .id("pod-state")) {
            Element("div", .class("cards")) {
                Card {
                    Element("p", .class("hint")) { "Status" }
                    Element("p", .role("status"), .data("data-status", pod.state.status.rawValue)) {
                        PodBadge(pod.state.status)
                        if let reason = pod.state.reason { " \(PodWords.sentence(reason))" }
                    }
                    if let code = pod.state.exitCode, pod.state.reason == nil {
                        Element("p", .class("hint")) { "Exit code \(code)" }
                    }
                }
                FigureCard(
                    "Cost so far", Amount(millionths: details.cost).displayText,
                    hint: "\(Amount(millionths: pod.pricePerHour)) an hour while it runs")
                FigureCard(pod.state.isRunOpen ? "Running for" : "Last run", runText, hint: limitText)
            }
        }
    }

    private var runText: String {
        guard let start = pod.state.startedAt else { return "–" }
        return DurationWords.text(seconds: ((pod.state.finishedAt ?? now) - start) / 1000)
    }

    /// The limit of time that ends the run first.
    private var limitText: String? {
        guard pod.state.isRunOpen, let start = pod.state.startedAt else { return nil }
        let limits = [(pod.limits.stopAfterSeconds, "Stops"), (pod.limits.deleteAfterSeconds, "Is deleted")]
            .compactMap { seconds, verb in seconds.map { (seconds: $0, verb: verb) } }
        return limits.min { $0.seconds < $1.seconds }.map {
            "\($0.verb) \(RelativeTime.text(of: start / 1000 + $0.seconds, from: now / 1000))"
        }
    }
}

/// The published ports of a pod, with the addresses that reach them.
struct PodPorts: Component {
    let pod: PodRecord

    var body: some HTML {
        Element("div", .id("pod-ports")) {
            if !pod.configuration.ports.isEmpty {
                Element("h2") { "Ports" }
                Element("dl", .class("card")) {
                    for port in pod.configuration.ports {
                        Fact(String(port)) {
                            PodPortAddress(address: pod.state.isRunOpen ? pod.state.addresses[port] : nil)
                        }
                    }
                }
            }
        }
    }
}

/// The address of a published port, which it has while the pod runs.
private struct PodPortAddress: Component {
    let address: String?

    var body: some HTML {
        if let address {
            if let link = PortAddress(address) {
                Element("a", .class("standalone"), .href(link), .rel("noreferrer")) { address }
            } else {
                Element("code") { address }
            }
        } else {
            "Available while the pod runs"
        }
    }
}

/// The buttons of a pod.
struct PodActions: Component {
    let details: PodDetails
    let exchange: PageExchange

    private var state: PodState { details.pod.state }

    var body: some HTML {
        Element("div", .id("pod-actions"), .class("buttons")) {
            if details.mayUpdate, state.desired == .stopped { action("start", "Start", .primary) }
            if details.mayUpdate, state.desired == .running {
                if !state.awaitsRun { action("restart", "Restart", .quiet) }
                action("stop", "Stop", .quiet)
            }
            if details.mayDelete, state.desired != .terminated {
                LinkButton("Delete…", .quietDanger, to: Link("/pods", details.pod.id, "delete"))
            }
        }
    }

    private func action(_ name: String, _ label: String, _ style: Button.Style) -> some HTML {
        Element("form", .method("post"), .action(Link("/pods", details.pod.id, name))) {
            FormKeyField(exchange)
            Button(label, style)
        }
    }
}

// MARK: - Metrics

/// The use of a pod's resources as numbers and small charts.
struct PodMetricsCard: Component {
    let pod: PodRecord
    let measurements: [PodMeasurement]

    var body: some HTML {
        Element("div", .id("pod-metrics")) {
            if pod.state.status == .running {
                Element("h2") { "Resource usage" }
                if let last = measurements.last {
                    Element("div", .class("cards")) {
                        card(
                            "CPU", "\(PodWords.number(last.cpuPercent / 100)) of \(cores) cores",
                            measurements.map(\.cpuPercent), top: Double(pod.configuration.cpuMillicores) / 10)
                        card(
                            "Memory",
                            "\(PodWords.bytes(last.memoryBytes)) of \(PodWords.bytes(last.memoryLimitBytes))",
                            measurements.map { Double($0.memoryBytes) }, top: Double(last.memoryLimitBytes))
                    }
                } else {
                    Element("p", .class("card empty")) { "The engine has not measured this pod yet." }
                }
            }
        }
    }

    private var cores: String { PodWords.number(Double(pod.configuration.cpuMillicores) / 1000) }

    private func card(_ title: String, _ text: String, _ values: [Double], top: Double) -> some HTML {
        Card {
            Element("p", .class("hint")) { title }
            Element("p") { text }
            Sparkline(values, top: top)
        }
    }
}

// MARK: - Output

/// The last lines of a pod's output, which the script continues.
struct PodLogCard: Component {
    let pod: PodRecord
    /// Nil if the engine did not send them.
    let lines: [PodLogLine]?
    /// Whether there may be more lines.
    let canFollow: Bool

    var body: some HTML {
        Element("h2", .id("log-title")) { "Output" }
        if pod.isTerminated {
            Element("p", .class("card empty")) { "The output was removed with the pod." }
        } else {
            Element("p", .id("log-note"), .class("hint"), .role("status")) { note }
            Element(
                "pre",
                [.id("log"), .class("log"), .tabIndex(0), .role("log"), .aria("aria-labelledby", "log-title")]
                    + (canFollow ? [.data("data-stream", stream.text)] : [])
            ) {
                for line in lines ?? [] { "\(line.text)\n" }
            }
            CodeBlock("podstack pod logs --follow \(pod.name)", id: "log-command", name: "the command")
        }
    }

    private var note: String {
        guard let lines else {
            return pod.state.startedAt == nil
                ? "The pod has not run yet."
                : canFollow
                    ? "The engine did not send the output in time. Reload the page to try again."
                    : "The output can be read while the container engine responds."
        }
        if lines.isEmpty { return "The pod has not written anything yet." }
        return lines.count < PodWatch.tail ? "All lines of the latest run." : "The last \(PodWatch.tail) lines."
    }

    private var stream: Link {
        let last = lines?.last?.time ?? ""
        return Link("/pods", pod.id, "log", query: last.isEmpty ? [] : [("after", last)])
    }
}

// MARK: - Facts

/// The parts of a pod, and its limits.
struct PodFacts: Component {
    let details: PodDetails

    private var pod: PodRecord { details.pod }
    private var configuration: PodConfiguration { details.pod.configuration }

    var body: some HTML {
        Element("h2") { "Details" }
        Element("dl", .class("card facts")) {
            Fact("Image") { Element("code") { configuration.image } }
            if let command = configuration.command { Fact("Command") { Element("pre") { command } } }
            if let type = pod.gpuType { Fact("GPUs") { "\(pod.gpuCount) × \(type)" } }
            Fact("Size") {
                "\(PodWords.number(Double(configuration.cpuMillicores) / 1000)) cores, "
                "\(configuration.memoryGiB) GiB of memory, \(configuration.diskGiB) GiB of disk"
            }
            Fact("Limits") { limits }
            Fact("Project") {
                if let name = details.projectName {
                    Element("a", .href(Link("/projects", pod.projectID))) { name }
                } else {
                    Element("code") { pod.projectID }
                }
            }
            if let node = pod.state.node { Fact("Node") { node } }
            if !configuration.environment.isEmpty {
                Fact("Variables") {
                    CodeList(texts: configuration.environment)
                    Element("p", .class("hint")) { "Their values are never displayed." }
                }
            }
            if !configuration.volumes.isEmpty {
                Fact("Volumes") { CodeList(texts: configuration.volumes.map { "\($0.volumeID):\($0.path)" }) }
            }
            if !pod.labels.isEmpty {
                Fact("Labels") { CodeList(texts: pod.labels.map { "\($0.key)=\($0.value)" }.sorted()) }
            }
            if let scopes = configuration.tokenScopes { Fact("Own token") { CodeList(texts: scopes) } }
            Fact("Created") {
                TimeElement(pod.createdAt / 1000)
                if let creator = details.creator { " by \(Isolated.text(creator))" }
            }
            if let time = pod.state.startedAt { Fact("Started") { TimeElement(time / 1000) } }
            if let time = pod.state.finishedAt { Fact("Ended") { TimeElement(time / 1000) } }
            if let time = pod.terminatedAt { Fact("Deleted") { TimeElement(time / 1000) } }
            Fact("ID") { Element("code") { pod.id } }
        }
    }

    private var limits: String {
        var parts: [String] = []
        if let seconds = pod.limits.stopAfterSeconds {
            parts.append("stopped after \(DurationWords.text(seconds: seconds))")
        }
        if let seconds = pod.limits.deleteAfterSeconds {
            parts.append("deleted after \(DurationWords.text(seconds: seconds))")
        }
        if let cost = pod.limits.maxCost { parts.append("stopped when it has cost \(Amount(millionths: cost))") }
        return parts.isEmpty ? "None" : PodWords.capitalized(parts.joined(separator: ", "))
    }
}

private struct CodeList: Component {
    let texts: [String]

    var body: some HTML {
        for (index, text) in texts.enumerated() {
            if index > 0 { " " }
            Element("code") { text }
        }
    }
}

/// The events of a pod, newest first.
struct PodEventTable: Component {
    let details: PodDetails
    /// The link to the older events, if there are any.
    let link: Link?

    var body: some HTML {
        Element("h2") { "Events" }
        DataTable("Events, newest first", ["Time", "Event", "Message"], id: "pod-events") {
            for event in details.events {
                Row {
                    Cell("Time") { TimeElement(Int64(event.timestamp.timeIntervalSince1970)) }
                    Cell("Event") { Badge(event.type.replacing("_", with: " "), kind(event.type)) }
                    Cell("Message") { PodWords.sentence(event.message) }
                }
            }
        }
        MoreLink(link: link, text: "Older events")
    }

    private func kind(_ type: String) -> Badge.Kind {
        switch PodEventKind(rawValue: type) {
        case .failed, .outOfMemory, .lost: .bad
        case .limitReached: .warning
        case .started: .good
        default: .neutral
        }
    }
}

// MARK: - Words

enum PodWords {
    /// Returns a sentence of the domain with its period.
    static func sentence(_ text: String) -> String { text.hasSuffix(".") || text.isEmpty ? text : text + "." }

    static func capitalized(_ text: String) -> String { text.prefix(1).uppercased() + text.dropFirst() }

    /// Returns a number with at most one decimal, or two if it is less than one.
    static func number(_ value: Double) -> String {
        let unit = abs(value) < 1 ? 100.0 : 10.0
        let rounded = (value * unit).rounded() / unit
        return rounded == rounded.rounded() ? String(Int(rounded)) : String(rounded)
    }

    /// Returns a text such as `1.5 GiB`.
    static func bytes(_ count: Int64) -> String {
        let units = ["B", "KiB", "MiB", "GiB", "TiB"]
        var (value, index) = (Double(count), 0)
        while value >= 1024, index < units.count - 1 { (value, index) = (value / 1024, index + 1) }
        return "\(number(value)) \(units[index])"
    }
}

/// The address of a published port, as a link that a browser follows.
///
/// It is the only link of the dashboard to another server. The address comes from the engine and is a host and a port.
struct PortAddress {
    let text: String

    init?(_ address: String) {
        guard let separator = address.lastIndex(of: ":"), address.utf8.count <= 255 else { return nil }
        let (host, port) = (address[..<separator], address[address.index(after: separator)...])
        let isBracketed = host.hasPrefix("[") && host.hasSuffix("]")
        let allowed = isBracketed ? "0123456789abcdefABCDEF:.[]" : "-."
        guard let number = Int(port), (1...65_535).contains(number), !host.isEmpty,
            host.utf8.allSatisfy({ Base62.isDigit($0) && !isBracketed || allowed.utf8.contains($0) })
        else { return nil }
        text = "http://\(host):\(number)"
    }
}
