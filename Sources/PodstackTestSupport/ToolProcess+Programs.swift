#if canImport(Glibc)
    import Glibc
#elseif canImport(Musl)
    import Musl
#elseif canImport(Darwin)
    import Darwin
#endif

#if canImport(FoundationEssentials)
    import FoundationEssentials
#else
    import Foundation
#endif

extension ToolProcess {
    /// Products lie in the folder of the test runner, or beside the bundle that it loads.
    package static func path(of name: String) throws -> String {
        for argument in CommandLine.arguments.reversed() + ["/proc/self/exe"] {
            let resolved = argument.hasPrefix("/proc") ? realpath(argument, nil).map { String(cString: $0) } : argument
            var folder = URL(filePath: resolved ?? argument).deletingLastPathComponent()
            for _ in 0..<3 {
                let candidate = folder.appending(path: name).path
                if FileManager.default.isExecutableFile(atPath: candidate) { return candidate }
                folder = folder.deletingLastPathComponent()
            }
        }
        throw Failure(reason: "\(name) is not built")
    }

    /// The path of a program of the system.
    static func installed(_ name: String) throws -> String {
        if name.hasPrefix("/") { return name }
        let folders =
            (getenv("PATH").map { String(cString: $0) } ?? "").split(separator: ":") + ["/usr/sbin", "/usr/bin"]
        guard let folder = folders.first(where: { FileManager.default.isExecutableFile(atPath: "\($0)/\(name)") })
        else { throw Failure(reason: "\(name) is not installed: scripts/test does that") }
        return "\(folder)/\(name)"
    }
}
