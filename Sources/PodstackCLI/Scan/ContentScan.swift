import Podstack
import PodstackAPI
import Synchronization

#if canImport(Glibc)
    import Glibc
#elseif canImport(Musl)
    import Musl
#elseif canImport(Darwin)
    import Darwin
#endif

/// Whether compressed files are searched inside, and the library for it, loaded when the first one is found.
final class ArchiveSupport: Sendable {
    let isOn: Bool
    /// The bytes that even a small file may expand to.
    let floor: Int
    private let name: String
    private let loaded = Mutex<ArchiveLibrary??>(nil)

    init(isOn: Bool = true, library name: String = ArchiveLibrary.name, floor: Int = 1 << 30) {
        self.isOn = isOn
        self.floor = floor
        self.name = name
    }

    /// The library; nil when it is not installed.
    var library: ArchiveLibrary? {
        loaded.withLock { loaded in
            if let loaded { return loaded }
            let library = ArchiveLibrary(name)
            loaded = .some(library)
            return library
        }
    }
}

/// Searches the bytes of a file or an object, and the contents of archives, which may contain others.
///
/// Invariants:
/// 1. Memory is constant, whatever an archive contains.
/// 2. An archive produces at most ``ArchiveSupport/floor`` bytes, and ``Expansion/ratio`` times its own size.
/// 3. Archives are opened at most ``deepest`` levels deep.
/// 4. What is not searched for one of these reasons, or because it is damaged, is reported.
struct ContentScan {
    enum Event {
        /// A token, and the names of the members that contain it, from the outermost archive to the innermost.
        case found(members: [String], line: Int, column: Int, token: APIToken)
        case unreadable(members: [String], reason: String)
    }

    /// The most archives and compressed files that contain each other; a compressed archive is two.
    static let deepest = 16
    static let packageOfLibrary = "libarchive13"
    static let missingReason = "it is compressed, and libarchive is not installed"

    private var stream = StreamScan()
    private let archives: ArchiveSupport
    private let counts: ScanCounts

    init(_ archives: ArchiveSupport, _ counts: ScanCounts) {
        self.archives = archives
        self.counts = counts
    }

    // MARK: - Sources

    /// Searches an open file from its current position; a regular file also inside, if it is an archive.
    mutating func run(descriptor: Int32, report: (Event) -> Void) {
        let source = ByteSource(descriptor: descriptor)
        var status = stat()
        guard fstat(descriptor, &status) == 0, status.st_mode & S_IFMT == S_IFREG else {
            return run(source, report: report)
        }
        let kind =
            (try? source.peek(ArchiveFormat.longestHead)).flatMap(ArchiveFormat.kind(of:))
            ?? (Self.endsLikeZip(descriptor, size: Int(status.st_size)) ? .archive : nil)
        var found: [Event] = []
        do throws(ReadFailure) {
            try stream.run(source, passed: counts.add(bytes:)) {
                found.append(.found(members: [], line: $0, column: $1, token: $2))
            }
        } catch {
            found.append(.unreadable(members: [], reason: error.reason))
        }
        let isReopened = kind != nil && lseek(descriptor, 0, SEEK_SET) == 0
        searchInside(isReopened ? ByteSource(descriptor: descriptor) : nil, kind, after: found, report)
    }

    /// Searches bytes in memory, also inside, if they are an archive.
    mutating func run(bytes: UnsafeRawBufferPointer, report: (Event) -> Void) {
        var found: [Event] = []
        counts.add(bytes: bytes.count)
        stream.search(bytes) { found.append(.found(members: [], line: $0, column: $1, token: $2)) }
        let tail = bytes[max(0, bytes.count - ArchiveFormat.zipTail)...]
        let kind =
            ArchiveFormat.kind(of: bytes)
            ?? (ArchiveFormat.isEndOfZip(UnsafeRawBufferPointer(rebasing: tail)) ? .archive : nil)
        searchInside(kind == nil ? nil : ByteSource(bytes: bytes), kind, after: found, report)
    }

    /// Searches a source that can be read only once: either its bytes, or the members if it is an archive.
    mutating func run(_ source: ByteSource, report: (Event) -> Void) {
        search(source, members: [], Expansion(floor: archives.floor), report)
    }

    /// Searches the members of an archive whose bytes were searched, and reports what both have.
    ///
    /// A token that occurs both in the bytes of an archive and in a member is reported with the member.
    private mutating func searchInside(
        _ archive: ByteSource?, _ kind: ArchiveFormat.Kind?, after found: [Event], _ report: (Event) -> Void
    ) {
        var inside: Set<APIToken> = []
        if let archive, let kind {
            searchArchive(archive, kind, members: [], Expansion(floor: archives.floor)) { event in
                if case .found(_, _, _, let token) = event { inside.insert(token) }
                report(event)
            }
        }
        for event in found {
            if case .found(_, _, _, let token) = event, inside.contains(token) { continue }
            report(event)
        }
    }

    // MARK: - Archives

    private mutating func search(
        _ source: ByteSource, members: [String], _ expansion: Expansion, _ report: (Event) -> Void
    ) {
        do throws(ReadFailure) {
            if archives.isOn, let kind = ArchiveFormat.kind(of: try source.peek(ArchiveFormat.longestHead)) {
                return searchArchive(source, kind, members: members, expansion, report)
            }
            try searchBytes(of: source, members: members, report)
        } catch {
            report(.unreadable(members: members, reason: error.reason))
        }
    }

    private mutating func searchBytes(
        of source: ByteSource, members: [String], _ report: (Event) -> Void
    ) throws(ReadFailure) {
        try stream.run(source, passed: counts.add(bytes:)) {
            report(.found(members: members, line: $0, column: $1, token: $2))
        }
    }

    private mutating func searchArchive(
        _ source: ByteSource, _ kind: ArchiveFormat.Kind, members: [String], _ expansion: Expansion,
        _ sink: (Event) -> Void
    ) {
        guard archives.isOn else { return }
        guard let library = archives.library else {
            return sink(.unreadable(members: members, reason: Self.missingReason))
        }
        // A failure inside a member often ends the archive too, and is then reported once.
        var reported: String?
        func report(_ event: Event) {
            if case .unreadable(_, let reason) = event { reported = reason }
            sink(event)
        }
        do throws(ReadFailure) {
            guard expansion.depth < Self.deepest else {
                throw ReadFailure("more than \(Self.deepest) archives contain each other here")
            }
            let counted = expansion.depth == 0 ? expansion.counting(source) : source
            let reader = try ArchiveReader(library, counted, kind)
            while let name = try reader.next() {
                try expansion.add(Expansion.costOfMember)
                searchMember(kind == .archive ? name : nil, of: reader, members: members, expansion, report)
                if let failure = expansion.failure ?? counted.failure { throw failure }
            }
        } catch {
            if error.reason != reported { report(.unreadable(members: members, reason: error.reason)) }
        }
    }

    private mutating func searchMember(
        _ name: [UInt8]?, of reader: ArchiveReader, members: [String], _ expansion: Expansion,
        _ report: (Event) -> Void
    ) {
        let content = ByteSource { space throws(ReadFailure) in
            let count = try reader.read(into: space)
            try expansion.add(count)
            return count
        }
        let path = name.map { members + [String(decoding: $0, as: UTF8.self)] } ?? members
        expansion.depth += 1
        defer { expansion.depth -= 1 }
        // Content that only looked compressed would look so again.
        guard name == nil, !reader.isCompressed else { return search(content, members: path, expansion, report) }
        do throws(ReadFailure) { try searchBytes(of: content, members: path, report) } catch {
            report(.unreadable(members: path, reason: error.reason))
        }
    }

    /// Whether a file ends with the directory of a zip archive, as a program that unpacks itself does.
    private static func endsLikeZip(_ descriptor: Int32, size: Int) -> Bool {
        guard size > ArchiveFormat.zipTail else { return false }
        return withUnsafeTemporaryAllocation(byteCount: ArchiveFormat.zipTail, alignment: 8) { tail in
            pread(descriptor, tail.baseAddress, tail.count, off_t(size - tail.count)) == tail.count
                && ArchiveFormat.isEndOfZip(UnsafeRawBufferPointer(tail))
        }
    }
}

/// The bytes that the archives of one file have produced, and their limit.
final class Expansion {
    /// The bytes that each byte of the file may produce beyond the floor.
    static let ratio = 64
    /// The bytes that the header of a member counts as.
    static let costOfMember = 512

    var depth = 0
    private let floor: Int
    /// The size of the file; nil for a pipe, of which the bytes that were read count.
    private var size: Int?
    private var consumed = 0
    private var produced = 0
    /// The failure of a file that produces too much.
    private(set) var failure: ReadFailure?

    init(floor: Int) { self.floor = floor }

    /// Returns a source that counts the bytes that are read from another.
    func counting(_ source: ByteSource) -> ByteSource {
        var counted: ByteSource.Seek?
        if let seek = source.seek {
            // An archive may be read more than once.
            size = seek(0, SEEK_END).map(Int.init)
            _ = seek(0, SEEK_SET)
            counted = { offset, whence in
                source.forget()
                return seek(offset, whence)
            }
        }
        return ByteSource(
            seek: counted,
            pull: { space throws(ReadFailure) in
                let count = try source.read(into: space)
                self.consumed += count
                return count
            })
    }

    func add(_ count: Int) throws(ReadFailure) {
        produced += count
        guard produced - floor > Self.ratio * (size ?? consumed) else { return }
        let failure = ReadFailure(
            "it expands to more than \(ScanCounts.size(floor)) and \(Self.ratio) times its size; the rest was not searched"
        )
        self.failure = failure
        throw failure
    }
}

/// The signatures of the archives and compressed files that are searched inside.
enum ArchiveFormat {
    /// The number of bytes that contain every signature.
    static let longestHead = 512
    /// The number of bytes of a zip archive's end without a comment.
    static let zipTail = 22

    /// How the content is reached.
    enum Kind { case archive, compressed }

    private static let signatures: [(kind: Kind, bytes: [UInt8])] =
        ([
            [0x1F, 0x8B], [0x1F, 0x9D], Array("BZh".utf8), [0xFD, 0x37, 0x7A, 0x58, 0x5A, 0x00],
            [0x28, 0xB5, 0x2F, 0xFD], [0x04, 0x22, 0x4D, 0x18], Array("LZIP".utf8), [0xED, 0xAB, 0xEE, 0xDB],
            [0x5D, 0x00, 0x00],
        ] as [[UInt8]]).map { (.compressed, $0) }
        + ([
            [0x50, 0x4B, 3, 4], [0x50, 0x4B, 5, 6], [0x50, 0x4B, 7, 8], [0x37, 0x7A, 0xBC, 0xAF, 0x27, 0x1C],
            Array("!<arch>\n".utf8), Array("070701".utf8), Array("070702".utf8), Array("070707".utf8),
        ] as [[UInt8]]).map { (.archive, $0) }
    private static let tarMark = Array("ustar".utf8)
    private static let tarMarkOffset = 257
    /// Whether a signature starts with each byte.
    private static let isFirst: [Bool] = (0...255).map { byte in signatures.contains { $0.bytes[0] == UInt8(byte) } }

    /// Returns the kind of an archive or a compressed file, from its first bytes; nil for other files.
    static func kind(of head: UnsafeRawBufferPointer) -> Kind? {
        guard let first = head.first else { return nil }
        if isFirst[Int(first)], let signature = signatures.first(where: { head.starts(with: $0.bytes) }) {
            return signature.kind
        }
        let isTar = head.count >= tarMarkOffset + tarMark.count && head[tarMarkOffset...].starts(with: tarMark)
        return isTar ? .archive : nil
    }

    static func isEndOfZip(_ tail: UnsafeRawBufferPointer) -> Bool {
        tail.count == zipTail && tail.starts(with: [0x50, 0x4B, 5, 6])
    }
}
