import PodstackCLI
import PodstackCommandLine

#if canImport(Glibc)
    import Glibc
#elseif canImport(Musl)
    import Musl
#elseif canImport(Darwin)
    import Darwin
#endif

exit(await PodstackTool.run(Array(CommandLine.arguments.dropFirst()), context: .process).rawValue)
