import Podstack

#if canImport(FoundationEssentials)
    import FoundationEssentials
#else
    import Foundation
#endif

// Usage: InFlight COUNT; the endpoint in the environment must be one that never responds.
// Prints the largest amount of memory that the process used while COUNT requests were under way, in MB.
guard CommandLine.arguments.count == 2, let count = Int(CommandLine.arguments[1]) else {
    fatalError("usage: InFlight COUNT")
}
let client = try Client(retry: .none, timeout: .seconds(60))
let tasks = (0..<count).map { _ in Task { try? await client.auth.whoami() } }
try await Task.sleep(for: .seconds(3))
let status = FileManager.default.contents(atPath: "/proc/self/status").map { String(decoding: $0, as: UTF8.self) } ?? ""
let peak =
    status.split(separator: "\n").first { $0.hasPrefix("VmHWM:") }?.split(separator: " ").dropFirst().first ?? "0"
for task in tasks { task.cancel() }
print((Double(peak) ?? 0) / 1024)
