import PodstackCommandLine
import PodstackServer

#if canImport(Glibc)
    import Glibc
#elseif canImport(Musl)
    import Musl
#elseif canImport(Darwin)
    import Darwin
#endif

exit(ServerTool.run(Array(CommandLine.arguments.dropFirst())).rawValue)
