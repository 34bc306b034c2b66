import Podstack

#if canImport(Glibc)
    import Glibc
#elseif canImport(Musl)
    import Musl
#elseif canImport(Darwin)
    import Darwin
#endif

/// By what whoever is to approve can tell that it is theirs: `podstack on HOST (USER)`.
enum ClientName {
    static func make(_ environment: PodstackEnvironment) -> String {
        let user = environment["USER"] ?? environment["LOGNAME"] ?? ""
        return "podstack on \(tidy(host))" + (user.isEmpty ? "" : " (\(tidy(user)))")
    }

    private static var host: String {
        var name = [CChar](repeating: 0, count: 256)
        guard gethostname(&name, name.count - 1) == 0, name[0] != 0 else { return "a machine without a name" }
        return String(decoding: name.prefix { $0 != 0 }.map(UInt8.init(bitPattern:)), as: UTF8.self)
    }

    /// As the service takes it.
    private static func tidy(_ text: String) -> String { String(Table.printable(text).prefix(40)) }
}
