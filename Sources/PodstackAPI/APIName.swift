/// A name that the API defines, such as a role.
///
/// Names that this version does not know are kept, so that the service can add some. A string literal is a name too.
public protocol APIName: RawRepresentable<String>, Hashable, Sendable, Codable, ExpressibleByStringLiteral,
    CustomStringConvertible
{
    /// Creates a name, known or unknown.
    ///
    /// - Parameter rawValue: The name as the API sends it.
    init(rawValue: String)
}

extension APIName {
    /// Creates a name from a literal.
    ///
    /// - Parameter value: The name as the API sends it.
    public init(stringLiteral value: String) { self.init(rawValue: value) }

    /// The name as the API sends it.
    public var description: String { rawValue }
}

extension Sequence where Element: APIName {
    /// Returns the names with a separator between them.
    ///
    /// - Parameter separator: The text between two names.
    /// - Returns: The text.
    public func joined(separator: String = "") -> String { map(\.rawValue).joined(separator: separator) }
}
