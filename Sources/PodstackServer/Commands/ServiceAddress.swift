#if canImport(Glibc)
    import Glibc
#endif

/// Where browsers reach the service that last served a data directory, for the links that commands print.
enum ServiceAddress {
    private static let longest = 2048

    static func note(_ url: String, in directory: DataDirectory) {
        let descriptor = open(directory.path + "/address", O_CREAT | O_WRONLY | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, 0o600)
        guard descriptor >= 0 else { return }
        defer { close(descriptor) }
        _ = url.utf8.withContiguousStorageIfAvailable { write(descriptor, $0.baseAddress, $0.count) }
    }

    /// What the operator says now, else what was noted, else what serving does unless told otherwise.
    static func find(_ flags: Flags, in directory: DataDirectory) throws -> String {
        if let given = try flags.publicURL() { return given }
        let noted = try? SetupFile.read(directory.path + "/address", maxBytes: longest)
        let text = noted.map { String(decoding: $0, as: UTF8.self) } ?? ""
        return (try? PublicURL.checked(text)) ?? "http://127.0.0.1:8080"
    }
}
