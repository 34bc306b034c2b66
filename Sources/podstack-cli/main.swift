import PodstackCLI
import PodstackCommandLine
import PodstackSystem

#if canImport(Glibc)
    import Glibc
#elseif canImport(Musl)
    import Musl
#elseif canImport(Darwin)
    import Darwin
#endif

ProcessStart.prepare()
exit(await PodstackTool.run(ProcessStart.arguments, context: .process).rawValue)
