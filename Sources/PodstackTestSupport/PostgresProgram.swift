#if canImport(Glibc)
    import Glibc
#elseif canImport(Musl)
    import Musl
#endif

#if canImport(FoundationEssentials)
    import FoundationEssentials
#else
    import Foundation
#endif

/// The programs of PostgreSQL, and the user that they run as.
enum PostgresProgram {
    /// Returns the path of a program of the newest installed version.
    ///
    /// Debian has a folder for each version, which is not in `PATH`.
    static func path(of name: String) -> String {
        let root = "/usr/lib/postgresql"
        let versions = (try? FileManager.default.contentsOfDirectory(atPath: root)) ?? []
        let newest = versions.max { (Int($0) ?? 0) < (Int($1) ?? 0) } ?? "0"
        return "\(root)/\(newest)/bin/\(name)"
    }

    /// The user that PostgreSQL runs as if the tests run as root, which it refuses; nil otherwise.
    static var owner: (user: uid_t, group: gid_t)? {
        guard getuid() == 0, let entry = getpwnam("postgres") ?? getpwnam("nobody") else { return nil }
        return (entry.pointee.pw_uid, entry.pointee.pw_gid)
    }

    /// Returns the words that run a program as ``owner``.
    static func unprivileged(_ program: String, _ arguments: [String]) -> [String] {
        guard let (user, group) = owner else { return [program] + arguments }
        return ["/usr/bin/setpriv", "--reuid=\(user)", "--regid=\(group)", "--clear-groups", program] + arguments
    }
}
