/// A pattern of `.gitignore`, compared with a path byte by byte.
///
/// `*` and `?` match no slash, `**` between slashes matches any number of directories, `[…]` is a set of bytes, and a
/// backslash makes the next byte literal. Source: gitignore(5) and Git's wildmatch.c.
///
/// The states of the pattern advance together, so the time is the product of both lengths, whatever the pattern.
struct Wildmatch: Sendable {
    private enum Element: Sendable, Equatable {
        case byte(UInt8)
        /// Any byte except a slash.
        case any
        case set(ByteSet)
        /// Any number of bytes except slashes.
        case star
        /// Any number of bytes.
        case everything
        /// Nothing, or everything up to a slash; the two elements belong together.
        case directories, insideDirectories
        /// Matches nothing: the pattern is malformed here.
        case never
    }

    private var elements: [Element] = []

    init(_ pattern: some Collection<UInt8>) {
        var rest = PatternBytes(pattern)
        while let byte = rest.next() {
            switch byte {
            case UInt8(ascii: "\\"): elements.append(rest.next().map(Element.byte) ?? .never)
            case UInt8(ascii: "?"): elements.append(.any)
            case UInt8(ascii: "["): elements.append(ByteSet(&rest).map(Element.set) ?? .never)
            case UInt8(ascii: "*"): appendStar(&rest)
            default: elements.append(.byte(byte))
            }
        }
    }

    private mutating func appendStar(_ rest: inout PatternBytes) {
        let slash = UInt8(ascii: "/")
        // Git compares the text before the first special byte apart, so that what follows is at a start too.
        let isFirst = !rest.bytes[..<(rest.index - 1)].contains { "*?[\\".utf8.contains($0) }
        let followsSlash = isFirst || rest.bytes[rest.index - 2] == slash
        let start = rest.index
        while rest.peek() == UInt8(ascii: "*") { _ = rest.next() }
        let isEnclosed =
            rest.peek() == nil || rest.peek() == slash || rest.peek() == UInt8(ascii: "\\") && rest.peek(1) == slash
        guard rest.index > start, followsSlash, isEnclosed else { return elements.append(.star) }
        guard rest.peek() == slash else { return elements.append(.everything) }
        _ = rest.next()
        elements += [.directories, .insideDirectories]
    }

    /// Whether the pattern matches all of `path`.
    func matches(_ path: some Collection<UInt8>) -> Bool {
        var states = [Bool](repeating: false, count: elements.count + 1)
        enter(0, &states)
        for byte in path {
            var next = [Bool](repeating: false, count: states.count)
            var isAlive = false
            for index in elements.indices where states[index] {
                for following in self.states(after: byte, at: index) {
                    enter(following, &next)
                    isAlive = true
                }
            }
            guard isAlive else { return false }
            states = next
        }
        return states[elements.count]
    }

    /// Marks a state, and those that are reached from it without a byte.
    private func enter(_ index: Int, _ states: inout [Bool]) {
        guard !states[index] else { return }
        states[index] = true
        guard index < elements.count else { return }
        switch elements[index] {
        case .star, .everything: enter(index + 1, &states)
        case .directories:
            enter(index + 1, &states)
            enter(index + 2, &states)
        default: break
        }
    }

    private func states(after byte: UInt8, at index: Int) -> [Int] {
        let isSlash = byte == UInt8(ascii: "/")
        return switch elements[index] {
        case .byte(byte): [index + 1]
        case .any: isSlash ? [] : [index + 1]
        case .set(let set): !isSlash && set.contains(byte) ? [index + 1] : []
        case .star: isSlash ? [] : [index]
        case .everything: [index]
        case .insideDirectories: isSlash ? [index, index + 1] : [index]
        case .byte, .directories, .never: []
        }
    }
}

/// The bytes of a pattern that are not parsed yet.
private struct PatternBytes {
    let bytes: [UInt8]
    private(set) var index = 0

    init(_ bytes: some Collection<UInt8>) { self.bytes = Array(bytes) }

    func peek(_ distance: Int = 0) -> UInt8? {
        bytes.indices.contains(index + distance) ? bytes[index + distance] : nil
    }

    mutating func next() -> UInt8? {
        defer { index = min(index + 1, bytes.count) }
        return peek()
    }

    mutating func skip(_ count: Int) { index = min(index + count, bytes.count) }
}

/// A set of bytes, such as `[a-z]`, `[!0-9]` or `[[:space:]]`.
private struct ByteSet: Sendable, Equatable {
    private var bits: (UInt64, UInt64, UInt64, UInt64) = (0, 0, 0, 0)
    private var isNegated = false

    /// Parses a set after its opening bracket; nil when it is not closed or names an unknown class.
    init?(_ rest: inout PatternBytes) {
        if let first = rest.peek(), first == UInt8(ascii: "!") || first == UInt8(ascii: "^") {
            isNegated = true
            rest.skip(1)
        }
        // The byte at which a range may start.
        var previous: UInt8?
        var isFirst = true
        while let byte = rest.next() {
            if byte == UInt8(ascii: "]"), !isFirst { return }
            isFirst = false
            switch byte {
            case UInt8(ascii: "\\"):
                guard let literal = rest.next() else { return nil }
                insert(literal)
                previous = literal
            case UInt8(ascii: "-") where previous != nil && rest.peek().map { $0 != UInt8(ascii: "]") } ?? false:
                guard let end = rest.nextLiteral() else { return nil }
                if let start = previous, start <= end { for byte in start...end { insert(byte) } }
                previous = nil
            case UInt8(ascii: "[") where rest.peek() == UInt8(ascii: ":"):
                guard let isKnown = insertClass(&rest) else { return nil }
                previous = isKnown ? nil : byte
                if !isKnown { insert(byte) }
            default:
                insert(byte)
                previous = byte
            }
        }
        return nil
    }

    func contains(_ byte: UInt8) -> Bool {
        let word = [bits.0, bits.1, bits.2, bits.3][Int(byte >> 6)]
        return (word >> UInt64(byte & 63) & 1 == 1) != isNegated
    }

    private mutating func insert(_ byte: UInt8) {
        let bit: UInt64 = 1 << UInt64(byte & 63)
        switch byte >> 6 {
        case 0: bits.0 |= bit
        case 1: bits.1 |= bit
        case 2: bits.2 |= bit
        default: bits.3 |= bit
        }
    }

    /// Inserts a class such as `[:alpha:]` after its opening bracket.
    ///
    /// Returns false, and advances past nothing, when it is not a class but a set with these bytes; nil when the
    /// pattern ends or when the class is unknown.
    private mutating func insertClass(_ rest: inout PatternBytes) -> Bool? {
        var end = 1
        while let byte = rest.peek(end), byte != UInt8(ascii: "]") { end += 1 }
        guard rest.peek(end) != nil else { return nil }
        guard end >= 2, rest.peek(end - 1) == UInt8(ascii: ":") else { return false }
        let name = (1..<end - 1).compactMap { rest.peek($0) }
        guard let isMember = Self.classes[String(decoding: name, as: UTF8.self)] else { return nil }
        for byte in UInt8(0)...127 where isMember(byte) { insert(byte) }
        rest.skip(end + 1)
        return true
    }

    private static let classes: [String: @Sendable (UInt8) -> Bool] = {
        let upper: @Sendable (UInt8) -> Bool = { (0x41...0x5A).contains($0) }
        let lower: @Sendable (UInt8) -> Bool = { (0x61...0x7A).contains($0) }
        let digit: @Sendable (UInt8) -> Bool = { (0x30...0x39).contains($0) }
        let graph: @Sendable (UInt8) -> Bool = { (0x21...0x7E).contains($0) }
        return [
            "alnum": { upper($0) || lower($0) || digit($0) }, "alpha": { upper($0) || lower($0) },
            "blank": { $0 == 0x20 || $0 == 0x09 }, "cntrl": { $0 < 0x20 || $0 == 0x7F }, "digit": digit,
            "graph": graph, "lower": lower, "print": { $0 == 0x20 || graph($0) },
            "punct": { graph($0) && !(upper($0) || lower($0) || digit($0)) },
            "space": { [0x20, 0x09, 0x0A, 0x0D].contains($0) }, "upper": upper,
            "xdigit": { digit($0) || (0x41...0x46).contains($0 & 0xDF) },
        ]
    }()

    static func == (left: ByteSet, right: ByteSet) -> Bool {
        left.bits == right.bits && left.isNegated == right.isNegated
    }
}

extension PatternBytes {
    /// The next byte, or the one that a backslash makes literal.
    fileprivate mutating func nextLiteral() -> UInt8? {
        let byte = next()
        return byte == UInt8(ascii: "\\") ? next() : byte
    }
}
