import PodstackAPI
import PodstackCommandLine

#if canImport(FoundationEssentials)
    import FoundationEssentials
#else
    import Foundation
#endif

/// The log of the service: JSON lines with named fields.
///
/// A secret is never a field.
struct Log: Sendable {
    let sink: @Sendable ([UInt8]) -> Void

    static let standardError = Log { StandardStream.error.write($0) }

    func write(_ event: String, level: String = "info", _ fields: [(name: String, value: String)] = []) {
        var line = "{\"time\":\(quoted(Timestamp.format(Date()))),\"level\":\(quoted(level)),\"event\":\(quoted(event))"
        for (name, value) in fields where !value.isEmpty { line += ",\(quoted(name)):\(quoted(value))" }
        sink(Array((line + "}\n").utf8))
    }

    private func quoted(_ text: String) -> String {
        (try? APICoding.encode(text)).map { String(decoding: $0, as: UTF8.self) } ?? "\"\""
    }
}
