/// Computes the use of processors from two measurements of the Docker engine.
final class DockerUsage: Sendable {
    private struct Sample {
        /// Nanoseconds since 1970 by the engine's clock.
        var time: Int64
        /// The processor time of the container in nanoseconds.
        var used: UInt64
    }

    private let samples = Monitor<[String: Sample]>([:])
    /// Two measurements that are closer together are too inaccurate; those further apart say nothing about now.
    private static let range = Int64(200_000_000)...Int64(60_000_000_000)

    /// Measures a pod, twice if the measurement before is too old.
    func statistics(of podID: String, measure: () throws -> Docker.Statistics) throws -> EngineStatistics {
        var (statistics, sample) = try Self.sample(measure)
        var before = samples.change(waking: .none) { $0[podID] }
        if !(before.map { Self.range.contains(sample.time - $0.time) && sample.used >= $0.used } ?? false) {
            before = sample
            _ = EngineCancellation().wait(seconds: 0.25)
            (statistics, sample) = try Self.sample(measure)
        }
        samples.change(waking: .none) { $0[podID] = sample }
        var percent = 0.0
        if let before, sample.time > before.time, sample.used >= before.used {
            percent = Double(sample.used - before.used) / Double(sample.time - before.time) * 100
        }
        let memory = statistics.memory
        // Pages of files that nothing uses are freed when memory is needed.
        let unused = memory.details.flatMap { $0["total_inactive_file"] ?? $0["inactive_file"] } ?? 0
        let usage = memory.usage ?? 0
        return EngineStatistics(
            cpuPercent: percent, memoryBytes: Int64(clamping: usage >= unused ? usage - unused : usage),
            memoryLimitBytes: Int64(clamping: memory.limit ?? 0))
    }

    func forget(_ podID: String) { samples.change(waking: .none) { $0[podID] = nil } }

    private static func sample(_ measure: () throws -> Docker.Statistics) throws -> (Docker.Statistics, Sample) {
        let statistics = try measure()
        guard let time = DockerTime.nanoseconds(statistics.read), statistics.memory.limit != nil else {
            throw EngineFailure(kind: .conflict, reason: "The pod is not running")
        }
        return (statistics, Sample(time: time, used: statistics.cpu.usage.total))
    }
}
