import PodstackSystem

/// The text of metrics in the Prometheus format, version 0.0.4.
///
/// Source: "Exposition formats" of the Prometheus documentation.
struct MetricsText {
    private(set) var text = ""

    enum Kind: String { case counter, gauge, histogram }

    /// A value with its labels.
    struct Sample {
        var labels: [(name: String, value: String)]
        var value: String

        init(_ labels: [(name: String, value: String)] = [], _ value: Int) {
            self.labels = labels
            self.value = String(value)
        }

        init(_ labels: [(name: String, value: String)] = [], _ value: Double) {
            self.labels = labels
            self.value = value == value.rounded() && abs(value) < 1e15 ? String(Int(value)) : "\(value)"
        }
    }

    mutating func add(_ name: String, _ kind: Kind, _ help: String, _ samples: [Sample]) {
        guard !samples.isEmpty else { return }
        text += "# HELP \(name) \(help)\n# TYPE \(name) \(kind.rawValue)\n"
        for sample in samples { append(name, sample) }
    }

    mutating func add(_ name: String, _ kind: Kind, _ help: String, _ value: Int) {
        add(name, kind, help, [Sample([], value)])
    }

    mutating func add(_ name: String, _ kind: Kind, _ help: String, _ value: Double) {
        add(name, kind, help, [Sample([], value)])
    }

    /// Adds histograms in seconds.
    mutating func add(
        _ name: String, histograms: [(labels: [(name: String, value: String)], values: LatencyHistogram.Values)],
        _ help: String
    ) {
        guard !histograms.isEmpty else { return }
        text += "# HELP \(name) \(help)\n# TYPE \(name) histogram\n"
        for (labels, values) in histograms {
            var count = 0
            for (index, inBucket) in values.counts.enumerated() {
                count += inBucket
                append("\(name)_bucket", Sample(labels + [("le", Self.bounds[index])], count))
            }
            append("\(name)_sum", Sample(labels, values.seconds))
            append("\(name)_count", Sample(labels, count))
        }
    }

    private static let bounds =
        LatencyHistogram.bounds.map { microseconds in
            microseconds % 1_000_000 == 0
                ? String(microseconds / 1_000_000) : "\(Double(microseconds) / 1_000_000)"
        } + ["+Inf"]

    /// Escapes the value of a label; in bytes, because a quote that a combining mark follows is another Character.
    private static func escaped(_ value: String) -> String {
        value.replacing(bytes: "\\", with: "\\\\").replacing(bytes: "\"", with: "\\\"")
            .replacing(bytes: "\n", with: "\\n")
    }

    private mutating func append(_ name: String, _ sample: Sample) {
        text += name
        var separator = "{"
        for (label, value) in sample.labels {
            text += "\(separator)\(label)=\"\(Self.escaped(value))\""
            separator = ","
        }
        text += sample.labels.isEmpty ? " \(sample.value)\n" : "} \(sample.value)\n"
    }
}
