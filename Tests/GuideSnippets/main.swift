import Podstack

#if canImport(Glibc)
    import Glibc
#endif

// Runs one snippet of the guide in this process's environment.
// Usage: GuideSnippets NAME
let snippets: [String: @Sendable () async throws -> Void] = [
    "overview": Authentication.overview, "create": Authentication.create, "device": Authentication.device,
    "environment": Authentication.environment,
    "direct": Authentication.direct, "profiles": Authentication.profiles, "configuration": Authentication.configuration,
    "project": Authentication.project, "endpoint": Authentication.endpoint, "verify": Authentication.verify,
    "rotate": Authentication.rotate, "can": Authentication.can, "revoke": Authentication.revoke,
    "dotenv": Authentication.dotEnv, "first": Authentication.firstResource,
    "profile": Files.profile, "save": Files.save, "vault": Files.vault, "parse": Files.parse, "trust": Files.trust,
    "timeout": Calls.timeout, "errors": Calls.errors, "retry": Calls.retry, "events": Calls.events,
    "logger": Calls.logger, "service": Testing.service, "time": Testing.time, "faults": Testing.faults,
    "samples": Testing.samples, "firstPod": PodSnippets.firstPod, "createPod": PodSnippets.create,
    "waitForPod": PodSnippets.wait, "listPods": PodSnippets.list, "execInPod": PodSnippets.exec,
    "podLimits": PodSnippets.limits, "money": PodSnippets.money, "podErrors": PodSnippets.errors,
    "testPods": PodSnippets.testing,
    "recording": Testing.recording, "failures": Testing.failures, "clock": Testing.clock, "offline": Testing.offline,
]
guard let name = CommandLine.arguments.last, let snippet = snippets[name] else {
    print("one of \(snippets.keys.sorted().joined(separator: ", "))")
    exit(2)
}
do { try await snippet() } catch {
    print("failed: \(error)")
    exit(1)
}
