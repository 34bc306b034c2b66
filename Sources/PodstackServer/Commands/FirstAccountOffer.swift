#if canImport(Glibc)
    import Glibc
#endif

/// What is told to the operator of a service without any account: a link that makes the first one.
struct FirstAccountOffer {
    private let service: Service
    private let secret: String
    private let directory: DataDirectory

    private static func path(in directory: DataDirectory) -> String { directory.path + "/first-account-link" }

    /// The link goes to the terminal of whoever started the service. Where there is none it goes to a file: what else
    /// is printed ends up in logs.
    ///
    /// - Returns: Nil when there is an account.
    static func make(_ service: Service, in directory: DataDirectory, at url: String) throws -> FirstAccountOffer? {
        removeFile(in: directory)
        guard try service.database.read({ try UserStore.isEmpty(in: $0) }) else { return nil }
        let secret = try service.changes.perform(by: .administrator, at: service.now()) {
            try service.signIn.links.create(for: nil, in: $0).text
        }
        let link = url + Link("/welcome", secret).text
        if StandardStream.output.isTerminal {
            StandardStream.output.write("Nobody has an account yet. Create the first one at \(link)\n")
        } else {
            let path = path(in: directory)
            try write(link + "\n", to: path)
            StandardStream.output.write(
                "Nobody has an account yet. The link that creates the first one is in \(path)\n")
        }
        return FirstAccountOffer(service: service, secret: secret, directory: directory)
    }

    /// Removes the file of a link that is used, too old, or of no use because somebody has an account by other means.
    ///
    /// - Returns: Whether it is over. Where the database does not answer, nothing is known.
    func withdrawIfOver() -> Bool {
        let now = service.now()
        let holder = Result {
            try service.database.read { try service.signIn.links.holder(OneTimeSecret(secret), now: now, in: $0) }
        }
        guard case .success(nil) = holder else { return false }
        // Another instance over the same folder and database may have put its link there since.
        if isOwnFile { Self.removeFile(in: directory) }
        return true
    }

    private var isOwnFile: Bool {
        let text = try? SetupFile.readSecret(Self.path(in: directory), most: 4096, flags: O_NOFOLLOW)
        return text.map { String(decoding: $0, as: UTF8.self).hasSuffix("/\(secret)\n") } ?? false
    }

    static func removeFile(in directory: DataDirectory) { unlink(path(in: directory)) }

    private static func write(_ text: String, to path: String) throws {
        let descriptor = open(path, O_CREAT | O_EXCL | O_WRONLY | O_CLOEXEC | O_NOFOLLOW, 0o600)
        guard descriptor >= 0 else { throw SetupFailure("cannot write \(path): \(String(cString: strerror(errno)))") }
        defer { close(descriptor) }
        let bytes = Array(text.utf8)
        guard Glibc.write(descriptor, bytes, bytes.count) == bytes.count else {
            throw SetupFailure("cannot write \(path)")
        }
    }
}
