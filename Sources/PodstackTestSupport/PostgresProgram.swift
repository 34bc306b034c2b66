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

/// The programs of PostgreSQL, and who may run them.
enum PostgresProgram {
    /// Debian keeps the programs of each version apart, and most of them out of the way.
    static func path(of name: String) -> String {
        let root = "/usr/lib/postgresql"
        let versions = (try? FileManager.default.contentsOfDirectory(atPath: root)) ?? []
        let newest = versions.max { (Int($0) ?? 0) < (Int($1) ?? 0) } ?? "0"
        return "\(root)/\(newest)/bin/\(name)"
    }

    /// Who it runs as, when we are root: PostgreSQL refuses that.
    static var owner: (user: uid_t, group: gid_t)? {
        guard getuid() == 0, let entry = getpwnam("postgres") ?? getpwnam("nobody") else { return nil }
        return (entry.pointee.pw_uid, entry.pointee.pw_gid)
    }

    static func unprivileged(_ program: String, _ arguments: [String]) -> [String] {
        guard let (user, group) = owner else { return [program] + arguments }
        return ["/usr/bin/setpriv", "--reuid=\(user)", "--regid=\(group)", "--clear-groups", program] + arguments
    }
}
