import Synchronization

/// How far a scan has come.
final class ScanCounts: Sendable {
    private let fileCount = Atomic(0)
    private let byteCount = Atomic(0)

    var files: Int { fileCount.load(ordering: .relaxed) }
    var bytes: Int { byteCount.load(ordering: .relaxed) }

    func addFile() { fileCount.add(1, ordering: .relaxed) }
    func add(bytes count: Int) { byteCount.add(count, ordering: .relaxed) }

    /// As in `12 files, 3.4 MB`.
    var text: String { "\(files) \(files == 1 ? "file" : "files"), \(Self.size(bytes))" }

    private static func size(_ bytes: Int) -> String {
        let units = ["bytes", "kB", "MB", "GB", "TB"]
        var (rest, unit) = (bytes, 0)
        while rest >= 1_000_000, unit < units.count - 2 { (rest, unit) = (rest / 1000, unit + 1) }
        guard rest >= 1000 else { return "\(rest) \(units[unit])" }
        return "\(rest / 1000).\(rest % 1000 / 100) \(units[unit + 1])"
    }
}
