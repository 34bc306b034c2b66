import PodstackCommandLine
import PodstackServer
import PodstackSystem

#if canImport(Glibc)
    import Glibc
#elseif canImport(Musl)
    import Musl
#elseif canImport(Darwin)
    import Darwin
#endif

ProcessStart.prepare()
exit(ServerTool.run(ProcessStart.arguments).rawValue)
