import PodstackCommandLine

#if canImport(Glibc)
    import Glibc
#endif

/// The link with which the operator creates the first account of a service.
struct FirstAccountOffer {
    private let service: Service
    private let secret: String
    private let directory: DataDirectory

    private static func path(in directory: DataDirectory) -> String { directory.path + "/first-account-link" }

    /// Creates the link, and shows it on the terminal or, without a terminal, writes it to a file.
    ///
    /// Standard output without a terminal often ends up in logs, which must not contain the link.
    ///
    /// - Returns: Nil when there is an account.
    static func create(_ service: Service, in directory: DataDirectory, at url: String) throws -> FirstAccountOffer? {
        removeFile(in: directory)
        guard try service.database.read({ try UserStore.isEmpty(in: $0) }) else { return nil }
        let secret = try service.changes.perform(by: .administrator, at: service.now()) {
            try service.signIn.links.create(for: nil, in: $0).text
        }
        let link = url + Link("/welcome", secret).text
        if StandardStream.output.isTerminal {
            StandardStream.output.write("There is no account yet. Create the first one at \(link)\n")
        } else {
            let path = path(in: directory)
            try write(link + "\n", to: path)
            StandardStream.output.write(
                "There is no account yet. The link that creates the first one is in \(path)\n")
        }
        return FirstAccountOffer(service: service, secret: secret, directory: directory)
    }

    /// Removes the file when the link is used, expired, or obsolete because an account was created by other means.
    ///
    /// - Returns: Whether the offer ended; false when the database fails.
    func withdrawIfEnded() -> Bool {
        let now = service.now()
        let holder = Result {
            try service.database.read { try service.signIn.links.holder(OneTimeSecret(secret), now: now, in: $0) }
        }
        guard case .success(nil) = holder else { return false }
        // Another instance with the same directory and database may have written its link since.
        if isOwnFile { Self.removeFile(in: directory) }
        return true
    }

    private var isOwnFile: Bool {
        let text = try? SetupFile.readSecret(Self.path(in: directory), maxBytes: 4096, flags: O_NOFOLLOW)
        return text.map { String(decoding: $0, as: UTF8.self).hasSuffix("/\(secret)\n") } ?? false
    }

    static func removeFile(in directory: DataDirectory) { unlink(path(in: directory)) }

    /// Replaces the file in one step, because several instances may share the directory and start at once.
    private static func write(_ text: String, to path: String) throws {
        let partial = "\(path).\(UInt64.random(in: .min ... .max)).partial"
        let descriptor = open(partial, O_CREAT | O_EXCL | O_WRONLY | O_CLOEXEC | O_NOFOLLOW, 0o600)
        guard descriptor >= 0 else { throw SetupFailure("cannot write \(path): \(String(cString: strerror(errno)))") }
        defer { close(descriptor) }
        let bytes = Array(text.utf8)
        guard Glibc.write(descriptor, bytes, bytes.count) == bytes.count, rename(partial, path) == 0 else {
            unlink(partial)
            throw SetupFailure("cannot write \(path)")
        }
    }
}
