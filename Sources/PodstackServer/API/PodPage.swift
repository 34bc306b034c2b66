import PodstackAPI

/// Encodes a page of pods.
///
/// A list of pods is read often, such as by dashboards and command lines that watch them, and Foundation's encoder takes
/// most of the time of a page. This one writes the same values; PodPageTests compares them.
struct PodPage {
    private var bytes: [UInt8] = []

    /// Returns the JSON of a page.
    ///
    /// - Parameters:
    ///   - pods: The pods.
    ///   - nextCursor: The position of the next page; nil on the last one.
    /// - Returns: The bytes.
    static func encode(_ pods: [Pod], nextCursor: String?) -> [UInt8] {
        var page = PodPage()
        page.bytes.reserveCapacity(64 + 1000 * pods.count)
        page.raw("{\"next_cursor\":")
        page.text(nextCursor)
        page.raw(",\"pods\":")
        page.list(pods) { $0.pod($1) }
        page.raw("}")
        return page.bytes
    }

    private mutating func pod(_ pod: Pod) {
        field("{", "command") { $0.text(pod.command) }
        field(",", "cost") { $0.amount(pod.cost) }
        field(",", "cpu") { $0.thousandths(Int64((pod.cpu * 1000).rounded())) }
        field(",", "created_at") { $0.text(Timestamp.format(pod.createdAt)) }
        field(",", "created_by") { page in
            page.field("{", "email") { $0.text(pod.createdBy.email) }
            page.field(",", "token_id") { $0.text(pod.createdBy.tokenID) }
            page.field(",", "user_id") { $0.text(pod.createdBy.userID) }
            page.raw("}")
        }
        field(",", "disk") { $0.number(pod.disk) }
        field(",", "env") { page in page.list(pod.env) { $0.text($1) } }
        field(",", "exit_code") { $0.number(pod.exitCode) }
        field(",", "finished_at") { $0.text(pod.finishedAt.map(Timestamp.format)) }
        field(",", "gpu_count") { $0.number(pod.gpuCount) }
        field(",", "gpu_type") { $0.text(pod.gpuType) }
        field(",", "id") { $0.text(pod.id) }
        field(",", "image") { $0.text(pod.image) }
        field(",", "labels") { page in
            page.raw("{")
            for (index, (name, value)) in pod.labels.sorted(by: { $0.key < $1.key }).enumerated() {
                if index > 0 { page.raw(",") }
                page.text(name)
                page.raw(":")
                page.text(value)
            }
            page.raw("}")
        }
        field(",", "limits") { page in
            page.field("{", "delete_after") { $0.number(pod.limits.deleteAfter) }
            page.field(",", "max_cost") { $0.amount(pod.limits.maxCost) }
            page.field(",", "stop_after") { $0.number(pod.limits.stopAfter) }
            page.raw("}")
        }
        field(",", "memory") { $0.number(pod.memory) }
        field(",", "name") { $0.text(pod.name) }
        field(",", "node") { $0.text(pod.node) }
        field(",", "ports") { page in
            page.list(pod.ports) { page, port in
                page.field("{", "address") { $0.text(port.address) }
                page.field(",", "container_port") { $0.number(port.containerPort) }
                page.raw("}")
            }
        }
        field(",", "price_per_hour") { $0.amount(pod.pricePerHour) }
        field(",", "project_id") { $0.text(pod.projectID) }
        field(",", "stale") { $0.raw(pod.isStale ? "true" : "false") }
        field(",", "started_at") { $0.text(pod.startedAt.map(Timestamp.format)) }
        field(",", "status") { $0.text(pod.status.rawValue) }
        field(",", "status_reason") { $0.text(pod.statusReason) }
        field(",", "token_scopes") { page in
            guard let scopes = pod.tokenScopes else { return page.raw("null") }
            page.list(scopes) { $0.text($1.rawValue) }
        }
        field(",", "volumes") { page in
            page.list(pod.volumes) { page, mount in
                page.field("{", "mount_path") { $0.text(mount.mountPath) }
                page.field(",", "volume_id") { $0.text(mount.volumeID) }
                page.raw("}")
            }
        }
        raw("}")
    }

    // MARK: - Values

    private mutating func raw(_ text: StaticString) {
        bytes.append(contentsOf: UnsafeBufferPointer(start: text.utf8Start, count: text.utf8CodeUnitCount))
    }

    private mutating func field(_ separator: StaticString, _ name: StaticString, _ value: (inout PodPage) -> Void) {
        raw(separator)
        raw("\"")
        raw(name)
        raw("\":")
        value(&self)
    }

    private mutating func list<Element>(_ elements: [Element], _ write: (inout PodPage, Element) -> Void) {
        raw("[")
        for (index, element) in elements.enumerated() {
            if index > 0 { raw(",") }
            write(&self, element)
        }
        raw("]")
    }

    private mutating func number(_ number: Int?) {
        guard let number else { return raw("null") }
        bytes.append(contentsOf: String(number).utf8)
    }

    private mutating func amount(_ amount: Amount?) {
        guard let amount else { return raw("null") }
        decimal(amount.millionths, digits: 6)
    }

    private mutating func thousandths(_ number: Int64) { decimal(number, digits: 3) }

    /// Writes a number with a fixed number of decimals, without zeros at its end.
    private mutating func decimal(_ number: Int64, digits: Int) {
        let unit: UInt64 = digits == 6 ? 1_000_000 : 1000
        if number < 0 { raw("-") }
        bytes.append(contentsOf: String(number.magnitude / unit).utf8)
        var fraction = String(number.magnitude % unit)
        fraction = String(repeating: "0", count: digits - fraction.utf8.count) + fraction
        while fraction.utf8.last == UInt8(ascii: "0") { fraction.removeLast() }
        guard !fraction.isEmpty else { return }
        raw(".")
        bytes.append(contentsOf: fraction.utf8)
    }

    private mutating func text(_ text: String?) {
        guard let text else { return raw("null") }
        raw("\"")
        for byte in text.utf8 {
            switch byte {
            case UInt8(ascii: "\""): raw("\\\"")
            case UInt8(ascii: "\\"): raw("\\\\")
            case 0x0A: raw("\\n")
            case 0x09: raw("\\t")
            case 0..<0x20:
                raw("\\u00")
                bytes.append(Self.hexadecimal[Int(byte >> 4)])
                bytes.append(Self.hexadecimal[Int(byte & 15)])
            default: bytes.append(byte)
            }
        }
        raw("\"")
    }

    private static let hexadecimal = Array("0123456789abcdef".utf8)
}
