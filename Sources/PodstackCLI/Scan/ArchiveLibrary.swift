#if canImport(Glibc)
    import Glibc
#elseif canImport(Musl)
    import Musl
#elseif canImport(Darwin)
    import Darwin
#endif

/// libarchive, loaded when the first compressed file is found, so that no other command takes longer to start.
///
/// This is the only file that calls it.
struct ArchiveLibrary: Sendable {
    /// The name of the library, as the dynamic linker searches it.
    static let name: String = {
        #if canImport(Darwin)
            "/usr/lib/libarchive.2.dylib"
        #else
            "libarchive.so.13"
        #endif
    }()

    fileprivate typealias Handle = OpaquePointer
    fileprivate typealias Read =
        @convention(c) (Handle?, UnsafeMutableRawPointer?, UnsafeMutablePointer<UnsafeRawPointer?>?) -> Int
    fileprivate typealias Seek = @convention(c) (Handle?, UnsafeMutableRawPointer?, Int64, Int32) -> Int64
    fileprivate typealias Call = @Sendable @convention(c) (Handle?) -> Int32

    fileprivate let create: @Sendable @convention(c) () -> Handle?
    fileprivate let free: Call
    fileprivate let filters: [Call]
    fileprivate let formats: [Call]
    fileprivate let setOptions: @Sendable @convention(c) (Handle?, UnsafePointer<CChar>?) -> Int32
    fileprivate let setRead: @Sendable @convention(c) (Handle?, Read?) -> Int32
    fileprivate let setSeek: @Sendable @convention(c) (Handle?, Seek?) -> Int32
    fileprivate let setData: @Sendable @convention(c) (Handle?, UnsafeMutableRawPointer?) -> Int32
    fileprivate let open: Call
    fileprivate let nextHeader: @Sendable @convention(c) (Handle?, UnsafeMutablePointer<OpaquePointer?>?) -> Int32
    fileprivate let pathname: @Sendable @convention(c) (OpaquePointer?) -> UnsafePointer<CChar>?
    fileprivate let pathnameUTF8: @Sendable @convention(c) (OpaquePointer?) -> UnsafePointer<CChar>?
    fileprivate let readData: @Sendable @convention(c) (Handle?, UnsafeMutableRawPointer?, Int) -> Int
    fileprivate let filterCount: Call
    fileprivate let errorString: @Sendable @convention(c) (Handle?) -> UnsafePointer<CChar>?

    /// The functions for compressed files, whose format is the content itself.
    private static let filterNames =
        ["gzip", "bzip2", "xz", "zstd", "lz4", "lzma", "lzip", "compress", "rpm"].map { "filter_\($0)" }
        + ["format_raw", "format_empty"]
    /// The formats of archives that are common and have no programs or references to other files in them.
    private static let formatNames = ["tar", "zip", "7zip", "cpio", "ar", "empty"].map { "format_\($0)" }

    /// Loads the library; nil when it is not installed.
    init?(_ name: String = Self.name) {
        guard let library = dlopen(name, RTLD_NOW | RTLD_LOCAL) else { return nil }
        // The cast is to the type that archive.h declares.
        func function<Function>(_ name: String, as type: Function.Type = Function.self) -> Function? {
            dlsym(library, "archive_\(name)").map { unsafeBitCast($0, to: type) }
        }
        guard let create = function("read_new", as: (@Sendable @convention(c) () -> Handle?).self),
            let free = function("read_free", as: Call.self),
            let setOptions = function(
                "read_set_options", as: (@Sendable @convention(c) (Handle?, UnsafePointer<CChar>?) -> Int32).self),
            let setRead = function(
                "read_set_read_callback", as: (@Sendable @convention(c) (Handle?, Read?) -> Int32).self),
            let setSeek = function(
                "read_set_seek_callback", as: (@Sendable @convention(c) (Handle?, Seek?) -> Int32).self),
            let setData = function(
                "read_set_callback_data",
                as: (@Sendable @convention(c) (Handle?, UnsafeMutableRawPointer?) -> Int32).self),
            let open = function("read_open1", as: Call.self),
            let nextHeader = function(
                "read_next_header",
                as: (@Sendable @convention(c) (Handle?, UnsafeMutablePointer<OpaquePointer?>?) -> Int32).self),
            let pathname = function(
                "entry_pathname", as: (@Sendable @convention(c) (OpaquePointer?) -> UnsafePointer<CChar>?).self),
            let pathnameUTF8 = function(
                "entry_pathname_utf8", as: (@Sendable @convention(c) (OpaquePointer?) -> UnsafePointer<CChar>?).self),
            let readData = function(
                "read_data", as: (@Sendable @convention(c) (Handle?, UnsafeMutableRawPointer?, Int) -> Int).self),
            let filterCount = function("filter_count", as: Call.self),
            let errorString = function(
                "error_string", as: (@Sendable @convention(c) (Handle?) -> UnsafePointer<CChar>?).self)
        else { return nil }
        (self.create, self.free, self.setOptions, self.open) = (create, free, setOptions, open)
        (self.setRead, self.setSeek, self.setData) = (setRead, setSeek, setData)
        (self.nextHeader, self.pathname, self.pathnameUTF8) = (nextHeader, pathname, pathnameUTF8)
        (self.readData, self.filterCount, self.errorString) = (readData, filterCount, errorString)
        filters = Self.filterNames.compactMap { function("read_support_\($0)", as: Call.self) }
        formats = Self.formatNames.compactMap { function("read_support_\($0)", as: Call.self) }
    }
}

/// The members of one archive, or the content of one compressed file, read from a source in constant memory.
///
/// A compressed archive is read by two readers. libarchive would do that at once, but it takes any content that begins
/// with zeros for an empty archive.
final class ArchiveReader {

    private static let ok: Int32 = 0
    private static let end: Int32 = 1
    private static let retry: Int32 = -10
    private static let warning: Int32 = -20
    private static let fatal = -30

    private let library: ArchiveLibrary
    private let source: ByteSource
    private let handle: OpaquePointer

    /// A locale in which the library can represent the names of members; nil if the system has none.
    // Safe: created once and never freed or changed.
    nonisolated(unsafe) private static let locale = newlocale(Int32(LC_CTYPE_MASK), "C.UTF-8", nil)

    /// Opens an archive or a compressed file.
    init(_ library: ArchiveLibrary, _ source: ByteSource, _ kind: ArchiveFormat.Kind) throws(ReadFailure) {
        guard let handle = library.create() else { throw ReadFailure(errno: ENOMEM) }
        (self.library, self.source, self.handle) = (library, source, handle)
        for enable in kind == .archive ? library.formats : library.filters { _ = enable(handle) }
        _ = library.setOptions(handle, "tar:read_concatenated_archives")
        _ = library.setData(handle, Unmanaged.passUnretained(source).toOpaque())
        _ = library.setRead(handle, Self.read)
        if source.seek != nil { _ = library.setSeek(handle, Self.seek) }
        guard library.open(handle) == Self.ok else { throw failure() }
    }

    deinit { _ = library.free(handle) }

    /// Advances to the next member.
    ///
    /// - Returns: The bytes of its name; nil after the last member.
    /// - Throws: The reason why the members after this one cannot be read.
    func next() throws(ReadFailure) -> [UInt8]? {
        // Changes only the locale of this thread. Passing nil changes nothing.
        let former = uselocale(Self.locale)
        defer { uselocale(former) }
        var entry: OpaquePointer?
        var attempts = 0
        while true {
            switch library.nextHeader(handle, &entry) {
            case Self.ok, Self.warning: return name(of: entry)
            case Self.end: return nil
            case Self.retry where attempts < 100: attempts += 1
            default: throw failure()
            }
        }
    }

    /// Reads some bytes of the current member and returns their number, 0 at its end.
    func read(into space: UnsafeMutableRawBufferPointer) throws(ReadFailure) -> Int {
        let count = library.readData(handle, space.baseAddress, space.count)
        guard count >= 0 else { throw failure() }
        return count
    }

    /// Whether the source is compressed, known once ``next()`` has returned its content.
    ///
    /// One filter is the absence of filters.
    var isCompressed: Bool { library.filterCount(handle) > 1 }

    private func name(of entry: OpaquePointer?) -> [UInt8] {
        // A name that is not valid UTF-8 has only the other form.
        guard let name = library.pathnameUTF8(entry) ?? library.pathname(entry) else { return Array("?".utf8) }
        return UnsafeBufferPointer(start: name, count: strlen(name)).map { UInt8(bitPattern: $0) }
    }

    private func failure() -> ReadFailure {
        if let failure = source.failure { return failure }
        let text = library.errorString(handle).map { String(cString: $0) } ?? ""
        return ReadFailure(text.isEmpty ? "the archive is damaged" : text)
    }

    // MARK: - Callbacks

    private static let read: ArchiveLibrary.Read = { _, client, start in
        guard let client, let start else { return fatal }
        do {
            let bytes = try Unmanaged<ByteSource>.fromOpaque(client).takeUnretainedValue().next()
            start.pointee = bytes.baseAddress
            return bytes.count
        } catch {
            return fatal
        }
    }

    private static let seek: ArchiveLibrary.Seek = { _, client, offset, whence in
        guard let client else { return Int64(fatal) }
        let source = Unmanaged<ByteSource>.fromOpaque(client).takeUnretainedValue()
        guard let position = source.seek?(offset, whence) else { return Int64(fatal) }
        source.forget()
        return position
    }
}
