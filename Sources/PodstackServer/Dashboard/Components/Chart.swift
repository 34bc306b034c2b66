/// A number of a chart, with its name.
struct ChartValue: Equatable {
    /// The name, such as a day.
    var name: String
    var value: Double
    /// The value as the chart displays it.
    var text: String
}

/// A chart of columns that the server draws.
///
/// For screen readers it is one image with a label. A page with a chart also has a table with the same numbers.
struct BarChart: HTML {
    private static let width = 720.0
    private static let height = 180.0
    /// The space below the columns for their names.
    private static let footer = 20.0

    private let label: String
    private let values: [ChartValue]
    private let topText: (Double) -> String

    /// Creates a chart.
    ///
    /// - Parameters:
    ///   - label: What the chart displays, with the most important numbers.
    ///   - values: The values from left to right; none is negative.
    ///   - topText: Returns the text beside the line at the top of the chart.
    init(_ label: String, _ values: [ChartValue], topText: @escaping (Double) -> String) {
        self.label = label
        self.values = values
        self.topText = topText
    }

    func write(to output: inout HTMLOutput) {
        let top = Self.roundTop(values.map(\.value).max() ?? 0)
        let plot = Self.height - Self.footer
        output.markup("<figure class=\"chart\"><svg role=\"img\" aria-label=\"")
        output.text(label)
        output.markup("\" viewBox=\"0 -14 720 194\">")
        for share in [0.0, 0.5, 1.0] {
            SVGShape.line(y: plot * (1 - share), width: Self.width, to: &output)
        }
        SVGShape.text(topText(top), x: 0, y: -4, anchor: "start", to: &output)
        let step = Self.width / Double(max(values.count, 1))
        let gap = min(step * 0.25, 8)
        for (index, value) in values.enumerated() {
            // A value above zero is visible, however small it is.
            let height = value.value > 0 ? max(2, value.value / top * plot) : 0
            output.markup("<rect class=\"mark\" x=\"")
            output.text(SVGShape.number(Double(index) * step + gap / 2))
            output.markup("\" y=\"")
            output.text(SVGShape.number(plot - height))
            output.markup("\" width=\"")
            output.text(SVGShape.number(max(step - gap, 0.5)))
            output.markup("\" height=\"")
            output.text(SVGShape.number(height))
            output.markup("\"><title>")
            output.text("\(value.name): \(value.text)")
            output.markup("</title></rect>")
        }
        for index in Self.named(values.count) {
            let isFirst = index == 0
            let isLast = index == values.count - 1
            let x = isFirst ? 0 : isLast ? Self.width : (Double(index) + 0.5) * step
            SVGShape.text(
                values[index].name, x: x, y: Self.height - 4, anchor: isFirst ? "start" : isLast ? "end" : "middle",
                to: &output)
        }
        output.markup("</svg></figure>")
    }

    /// The columns whose names fit below the chart: the first, the middle and the last one.
    private static func named(_ count: Int) -> [Int] {
        count < 2 ? Array(0..<count) : count < 5 ? [0, count - 1] : [0, count / 2, count - 1]
    }

    /// Returns the smallest of 1, 2 and 5 with any power of ten that is not less than a value.
    static func roundTop(_ value: Double) -> Double {
        guard value > 0, value.isFinite else { return 1 }
        var unit = 1.0
        while unit > value { unit /= 10 }
        while unit * 10 <= value { unit *= 10 }
        return [1, 2, 5, 10].map { $0 * unit }.first { $0 >= value } ?? value
    }
}

/// A small chart of the latest values of a measurement.
///
/// The number beside it says the same for screen readers, so they skip the chart.
struct Sparkline: HTML {
    private static let width = 240.0
    private static let height = 48.0

    private let values: [Double]
    private let top: Double

    /// Creates a chart.
    ///
    /// - Parameters:
    ///   - values: The values from left to right; the last one is the current one.
    ///   - top: The value at the top of the chart; a larger one raises it.
    init(_ values: [Double], top: Double) {
        self.values = values
        self.top = max(top, values.max() ?? 0, .leastNonzeroMagnitude)
    }

    func write(to output: inout HTMLOutput) {
        output.markup("<svg class=\"sparkline\" aria-hidden=\"true\" focusable=\"false\" viewBox=\"0 -2 240 52\">")
        SVGShape.line(y: Self.height, width: Self.width, to: &output)
        // One value alone is a level line.
        let points = values.count == 1 ? values + values : values
        let step = Self.width / Double(max(points.count - 1, 1))
        output.markup("<polyline class=\"line\" points=\"")
        output.text(
            points.enumerated().map { index, value in
                SVGShape.number(Double(index) * step) + ","
                    + SVGShape.number(Self.height * (1 - max(0, value) / top))
            }.joined(separator: " "))
        output.markup("\"/></svg>")
    }
}

/// Parts of the charts.
private enum SVGShape {
    static func line(y: Double, width: Double, to output: inout HTMLOutput) {
        output.markup("<line class=\"grid-line\" x1=\"0\" x2=\"")
        output.text(number(width))
        output.markup("\" y1=\"")
        output.text(number(y))
        output.markup("\" y2=\"")
        output.text(number(y))
        output.markup("\"/>")
    }

    static func text(_ text: String, x: Double, y: Double, anchor: StaticString, to output: inout HTMLOutput) {
        output.markup("<text text-anchor=\"")
        output.markup(anchor)
        output.markup("\" x=\"")
        output.text(number(x))
        output.markup("\" y=\"")
        output.text(number(y))
        output.markup("\">")
        output.text(text)
        output.markup("</text>")
    }

    /// Returns a coordinate with one decimal.
    static func number(_ value: Double) -> String {
        let tenths = Int((value * 10).rounded())
        let magnitude = abs(tenths)
        let text = magnitude % 10 == 0 ? String(magnitude / 10) : "\(magnitude / 10).\(magnitude % 10)"
        return tenths < 0 ? "-" + text : text
    }
}
