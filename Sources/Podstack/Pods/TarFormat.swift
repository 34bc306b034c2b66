/// One entry of a tar archive: POSIX's ustar and pax formats, and the long names of GNU tar.
///
/// Source: POSIX.1-2017, pax, "ustar Interchange Format".
struct TarEntry: Equatable {
    enum Kind: Equatable {
        case file
        case directory
        /// A symbolic link, with its target.
        case symbolicLink([UInt8])
        /// Another name of an entry before, with that entry's path.
        case hardLink([UInt8])
        /// A device or a pipe.
        case special
    }

    /// The path, without a slash at its end.
    var path: [UInt8]
    var kind: Kind
    /// The permissions, without those that give a program its owner's rights.
    var mode: UInt32 = 0o644
    /// The time of the last change in seconds since 1970.
    var modifiedAt: Int64 = 0
    /// The bytes of a file; 0 for everything else.
    var size: Int64 = 0

    /// The size of a block, in which headers and contents are stored.
    static let block = 512

    /// The number of bytes that fill the last block of the contents.
    var padding: Int { Int((Int64(Self.block) - size % Int64(Self.block)) % Int64(Self.block)) }
}

// MARK: - Writing

extension TarEntry {
    /// The header of the entry, which its contents follow.
    var header: [UInt8] {
        var records: [UInt8] = []
        let name = kind == .directory ? path + [UInt8(ascii: "/")] : path
        if name.count > 100 { records += Self.record("path", name) }
        if let target, target.count > 100 { records += Self.record("linkpath", target) }
        if size >= 1 << 33 { records += Self.record("size", Array(String(size).utf8)) }
        let own = Self.plainHeader(
            name, type: type, mode: mode, size: size, modifiedAt: modifiedAt, target: target ?? [])
        guard !records.isEmpty else { return own }
        let extended = Self.plainHeader(
            Array("pax".utf8), type: UInt8(ascii: "x"), mode: 0o644, size: Int64(records.count), modifiedAt: modifiedAt)
        let fill = (Self.block - records.count % Self.block) % Self.block
        return extended + records + [UInt8](repeating: 0, count: fill) + own
    }

    private var target: [UInt8]? {
        switch kind {
        case .symbolicLink(let target), .hardLink(let target): target
        default: nil
        }
    }

    private var type: UInt8 {
        switch kind {
        case .file, .special: UInt8(ascii: "0")
        case .hardLink: UInt8(ascii: "1")
        case .symbolicLink: UInt8(ascii: "2")
        case .directory: UInt8(ascii: "5")
        }
    }

    private static func plainHeader(
        _ name: [UInt8], type: UInt8, mode: UInt32, size: Int64, modifiedAt: Int64, target: [UInt8] = []
    ) -> [UInt8] {
        var header = [UInt8](repeating: 0, count: block)
        func put(_ bytes: some Sequence<UInt8>, at offset: Int, _ length: Int) {
            for (index, byte) in bytes.prefix(length).enumerated() { header[offset + index] = byte }
        }
        func put(octal number: Int64, at offset: Int, _ length: Int) {
            let digits = String(max(0, number), radix: 8).suffix(length - 1)
            put(String(repeating: "0", count: length - 1 - digits.count).utf8 + Array(digits.utf8), at: offset, length)
        }
        put(name, at: 0, 100)
        put(octal: Int64(mode), at: 100, 8)
        put(octal: 0, at: 108, 8)
        put(octal: 0, at: 116, 8)
        // A size that needs more digits is in an extended header.
        put(octal: size < 1 << 33 ? size : 0, at: 124, 12)
        put(octal: min(modifiedAt, (1 << 33) - 1), at: 136, 12)
        header[156] = type
        put(target, at: 157, 100)
        put("ustar\u{0}00".utf8, at: 257, 8)
        put(repeatElement(UInt8(ascii: " "), count: 8), at: 148, 8)
        let sum = header.reduce(0) { $0 + Int64($1) }
        put(octal: sum, at: 148, 7)
        header[155] = UInt8(ascii: " ")
        return header
    }

    /// Returns a record of an extended header, which begins with its own length.
    private static func record(_ key: String, _ value: [UInt8]) -> [UInt8] {
        let rest = Array(" \(key)=".utf8) + value + [UInt8(ascii: "\n")]
        var length = rest.count
        while String(length).utf8.count + rest.count != length { length = String(length).utf8.count + rest.count }
        return Array(String(length).utf8) + rest
    }
}

// MARK: - Reading

/// Reads a tar archive that arrives in any pieces.
struct TarReader {
    /// A part of an archive.
    enum Part: Equatable {
        case entry(TarEntry)
        /// Bytes of the file that was the last entry.
        case content(ArraySlice<UInt8>)
        /// The end of the last entry.
        case endOfEntry
    }

    struct Malformed: Error {}

    private enum Position {
        case header
        case content(left: Int64, padding: Int)
        case padding(left: Int)
        /// An extended header or a long name, whose contents describe the next entry.
        case extended(type: UInt8, left: Int64, padding: Int)
        case end
    }

    private var bytes: [UInt8] = []
    private var start = 0
    private var position = Position.header
    private var extended: [UInt8] = []
    /// The values of an extended header for the next entry.
    private var overrides: [String: [UInt8]] = [:]
    /// No extended header is longer; it is kept in memory.
    private static let longestExtension: Int64 = 1 << 20

    /// Whether the archive is complete: it ended with its end mark, or between two entries.
    var isComplete: Bool {
        switch position {
        case .end: true
        case .header: start == bytes.count && overrides.isEmpty
        default: false
        }
    }

    mutating func receive(_ more: some Sequence<UInt8>) {
        if start > 0 {
            bytes.removeFirst(start)
            start = 0
        }
        bytes += more
    }

    /// Returns the next part; nil if it has not arrived yet.
    mutating func next() throws(Malformed) -> Part? {
        while true {
            let available = bytes.count - start
            switch position {
            case .end:
                start = bytes.count
                return nil
            case .content(0, let padding):
                position = .padding(left: padding)
                return .endOfEntry
            case .content(let left, let padding):
                guard available > 0 else { return nil }
                let count = Int(min(Int64(available), left))
                defer { start += count }
                position = .content(left: left - Int64(count), padding: padding)
                return .content(bytes[start..<(start + count)])
            case .padding(0): position = .header
            case .padding(let left):
                guard available > 0 else { return nil }
                let count = min(available, left)
                start += count
                position = .padding(left: left - count)
            case .extended(let type, 0, let padding):
                try finishExtension(type)
                position = .padding(left: padding)
            case .extended(let type, let left, let padding):
                guard available > 0 else { return nil }
                let count = Int(min(Int64(available), left))
                extended += bytes[start..<(start + count)]
                start += count
                position = .extended(type: type, left: left - Int64(count), padding: padding)
            case .header:
                guard available >= TarEntry.block else { return nil }
                let header = bytes[start..<(start + TarEntry.block)]
                start += TarEntry.block
                if let entry = try read(header) { return .entry(entry) }
            }
        }
    }

    /// Returns the entry of a header; nil if that describes the next entry or is the end.
    private mutating func read(_ header: ArraySlice<UInt8>) throws(Malformed) -> TarEntry? {
        guard header.contains(where: { $0 != 0 }) else {
            position = .end
            return nil
        }
        func field(_ offset: Int, _ length: Int) -> ArraySlice<UInt8> {
            header[(header.startIndex + offset)..<(header.startIndex + offset + length)]
        }
        func text(_ offset: Int, _ length: Int) -> [UInt8] { Array(field(offset, length).prefix { $0 != 0 }) }
        let sum = header.enumerated().reduce(Int64(0)) {
            $0 + ((148..<156).contains($1.offset) ? 32 : Int64($1.element))
        }
        guard try Self.number(field(148, 8)) == sum else { throw Malformed() }
        let size = try Self.number(field(124, 12))
        guard size >= 0 else { throw Malformed() }
        let type = header[header.startIndex + 156]
        let padding = TarEntry(path: [], kind: .file, size: size).padding
        if [UInt8(ascii: "x"), UInt8(ascii: "g"), UInt8(ascii: "L"), UInt8(ascii: "K")].contains(type) {
            guard size <= Self.longestExtension else { throw Malformed() }
            extended = []
            position = .extended(type: type, left: size, padding: padding)
            return nil
        }
        var path = text(0, 100)
        let prefix = text(345, 155)
        if field(257, 6).elementsEqual("ustar\u{0}".utf8), !prefix.isEmpty {
            path = prefix + [UInt8(ascii: "/")] + path
        }
        var entry = TarEntry(path: overrides["path"] ?? path, kind: .file, size: size)
        let target = overrides["linkpath"] ?? text(157, 100)
        if let own = overrides["size"] {
            guard let number = Int64(String(decoding: own, as: UTF8.self)), number >= 0 else { throw Malformed() }
            entry.size = number
        }
        entry.mode = UInt32(truncatingIfNeeded: try Self.number(field(100, 8))) & 0o777
        entry.modifiedAt = try Self.number(field(136, 12))
        switch type {
        case 0, UInt8(ascii: "0"), UInt8(ascii: "7"):
            entry.kind = entry.path.last == UInt8(ascii: "/") ? .directory : .file
        case UInt8(ascii: "1"): entry.kind = .hardLink(target)
        case UInt8(ascii: "2"): entry.kind = .symbolicLink(target)
        case UInt8(ascii: "5"): entry.kind = .directory
        default: entry.kind = .special
        }
        while entry.path.last == UInt8(ascii: "/") { entry.path.removeLast() }
        overrides = [:]
        position = .content(left: entry.size, padding: entry.padding)
        return entry
    }

    /// Reads the extended header that has arrived.
    private mutating func finishExtension(_ type: UInt8) throws(Malformed) {
        switch type {
        case UInt8(ascii: "L"): overrides["path"] = Array(extended.prefix { $0 != 0 })
        case UInt8(ascii: "K"): overrides["linkpath"] = Array(extended.prefix { $0 != 0 })
        case UInt8(ascii: "x"):
            var rest = extended[...]
            while !rest.isEmpty {
                guard let space = rest.firstIndex(of: UInt8(ascii: " ")),
                    let length = Int(String(decoding: rest[..<space], as: UTF8.self)),
                    length > space - rest.startIndex + 1, length <= rest.count
                else { throw Malformed() }
                let record = rest[(space + 1)..<(rest.startIndex + length - 1)]
                guard let sign = record.firstIndex(of: UInt8(ascii: "=")) else { throw Malformed() }
                overrides[String(decoding: record[..<sign], as: UTF8.self)] = Array(record[(sign + 1)...])
                rest = rest[(rest.startIndex + length)...]
            }
        // A global header concerns nothing that is read here.
        default: break
        }
        extended = []
    }

    /// Returns a number in octal or, as GNU tar writes large ones, in binary.
    private static func number(_ field: ArraySlice<UInt8>) throws(Malformed) -> Int64 {
        if let first = field.first, first & 0x80 != 0 {
            var number = Int64(first & 0x40 != 0 ? -1 : 0) << 6 | Int64(first & 0x3F)
            for byte in field.dropFirst() {
                guard (Int64.min >> 8)...(Int64.max >> 8) ~= number else { throw Malformed() }
                number = number << 8 | Int64(byte)
            }
            return number
        }
        var number: Int64 = 0
        for byte in field.drop(while: { $0 == UInt8(ascii: " ") }) {
            if byte == 0 || byte == UInt8(ascii: " ") { break }
            guard (0x30...0x37).contains(byte), number < 1 << 59 else { throw Malformed() }
            number = number << 3 | Int64(byte - 0x30)
        }
        return number
    }
}
