/// A small picture beside a word, in the color of the text.
///
/// Screen readers skip it: the word beside it says the same.
enum Icon: HTML {
    case overview, pods, usage, projects, auditLog, tokens, security, people, menu, computer, phone

    func write(to output: inout HTMLOutput) {
        output.markup("<svg class=\"icon\" viewBox=\"0 0 20 20\" aria-hidden=\"true\" focusable=\"false\">")
        output.markup(shape)
        output.markup("</svg>")
    }

    private var shape: StaticString {
        switch self {
        case .overview: "<path d=\"M3 9.5 10 3.5l7 6M5 8v8.5h10V8M8.5 16.5V12h3v4.5\"/>"
        case .pods: "<path d=\"M10 2.8 16.5 6.4v7.2L10 17.2l-6.5-3.6V6.4zM3.5 6.4 10 10l6.5-3.6M10 10v7.2\"/>"
        case .usage: "<path d=\"M3.5 16.5h13M5.5 13.5V9M10 13.5V4M14.5 13.5V7\"/>"
        case .projects: "<path d=\"M2.8 5.5h5l1.7 2h7.7v8.5H2.8z\"/>"
        case .auditLog: "<path d=\"M5 3h10v14H5zM7.8 6.8h4.4M7.8 10h4.4M7.8 13.2h2.6\"/>"
        case .tokens:
            "<path d=\"M9.3 10.7a3.6 3.6 0 1 1 1.4 1.4L8.6 14.2H6.8V16H5v1.2H2.8v-2.4z\"/><path d=\"M13.4 6.6h.1\"/>"
        case .security:
            "<path d=\"M10 2.8 16 5v4.6c0 3.6-2.4 6.2-6 7.6-3.6-1.4-6-4-6-7.6V5zM7.5 9.8l1.8 1.8 3.2-3.4\"/>"
        case .people:
            "<path d=\"M7.5 9a2.7 2.7 0 1 0 0-5.4 2.7 2.7 0 0 0 0 5.4M2.6 16.4c.3-3 2.1-4.6 4.9-4.6s4.6 1.6 4.9 4.6M13 4a2.5 2.5 0 0 1 0 4.8M14.6 11.9c1.7.6 2.6 2 2.8 4.5\"/>"
        case .menu: "<path d=\"M3 6h14M3 10h14M3 14h14\"/>"
        case .computer: "<path d=\"M4 4h12v8.5H4zM2.5 16h15\"/>"
        case .phone: "<path d=\"M6 2.8h8v14.4H6zM9.2 14.8h1.6\"/>"
        }
    }
}
