/// How a route says which paths it is for: by segments, of which one in braces matches anything.
enum PathPattern {
    /// What stands in the place of the braces; nil when the pattern is another path's.
    static func parameters(of segments: ArraySlice<Substring>, in pattern: [Substring]) -> [String]? {
        guard segments.count == pattern.count else { return nil }
        var parameters: [String] = []
        for (segment, expected) in zip(segments, pattern) {
            if expected.hasPrefix("{"), !segment.isEmpty {
                parameters.append(String(segment))
            } else if segment != expected {
                return nil
            }
        }
        return parameters
    }

    /// The `Allow` header of a path whose routes have these methods. HEAD is answered wherever GET is.
    static func allow(_ methods: [String]) -> String {
        var methods = Set(methods)
        if methods.contains("GET") { methods.insert("HEAD") }
        return methods.sorted().joined(separator: ", ")
    }
}
