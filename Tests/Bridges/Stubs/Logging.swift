// swift-format-ignore-file: AllPublicDeclarationsHaveDocumentation
// The part of swift-log's API that the bridge uses, in the same shape.

public struct Logger: Sendable {
    public enum Level: String, Sendable { case trace, debug, info, notice, warning, error, critical }

    public struct Message: Sendable, ExpressibleByStringInterpolation {
        public var text: String
        public init(stringLiteral value: String) { text = value }
    }

    public enum MetadataValue: Sendable {
        case string(String)
        case stringConvertible(any CustomStringConvertible & Sendable)
        case dictionary(Metadata)
        case array([MetadataValue])
    }
    public typealias Metadata = [String: MetadataValue]

    public init(label: String) {}

    public func log(
        level: Logger.Level, _ message: @autoclosure () -> Logger.Message,
        metadata: @autoclosure () -> Logger.Metadata? = nil, source: @autoclosure () -> String? = nil,
        file: String = #fileID, function: String = #function, line: UInt = #line
    ) { print(level, message().text, metadata()?.count ?? 0) }
}
