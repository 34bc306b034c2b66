import PodstackCLI
import PodstackCommandLine
import PodstackSystem

ProcessStart.prepare()
MainThreadExecutor.run { await PodstackTool.run(ProcessStart.arguments, context: .process).rawValue }
