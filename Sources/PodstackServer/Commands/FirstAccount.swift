#if canImport(Glibc)
    import Glibc
#endif

/// What is told to the operator of a service without any account.
enum FirstAccount {
    /// The link that makes the first account goes to the terminal of whoever started the service. Where there is none it
    /// goes to a file: what else is printed ends up in logs.
    static func offer(_ service: Service, in directory: DataDirectory, at url: String) throws {
        let isEmpty = try service.database.read { try $0.run("SELECT id FROM users LIMIT 1").isEmpty }
        guard isEmpty else { return }
        let secret = try service.changes.make(by: .administrator, at: service.now()) {
            try service.signIn.links.make(for: nil, in: $0)
        }
        let link = url + Link("/welcome", secret).text
        if StandardStream.output.isTerminal {
            StandardStream.output.write("Nobody has an account yet. Create the first one at \(link)\n")
            return
        }
        let path = directory.path + "/first-account-link"
        unlink(path)
        let descriptor = open(path, O_CREAT | O_EXCL | O_WRONLY | O_CLOEXEC | O_NOFOLLOW, 0o600)
        guard descriptor >= 0 else { throw SetupFailure("cannot write \(path): \(String(cString: strerror(errno)))") }
        defer { close(descriptor) }
        let bytes = Array((link + "\n").utf8)
        guard write(descriptor, bytes, bytes.count) == bytes.count else { throw SetupFailure("cannot write \(path)") }
        StandardStream.output.write("Nobody has an account yet. The link that creates the first one is in \(path)\n")
    }
}
