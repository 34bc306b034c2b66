@testable import PodstackServer
@testable import PodstackTransport

/// The responses of a container engine: frames of output, lines of JSON, times, names of images, and raw responses.
///
/// The first byte of an input says where the rest is divided. No result may depend on that.
enum EngineTarget {
    static func run(_ input: [UInt8]) {
        guard let first = input.first else { return }
        let bytes = Array(input.dropFirst())
        let middle = bytes.count * Int(first) / 256
        let parts = [Array(bytes[..<middle]), Array(bytes[middle...])]
        require(frames([bytes]) == frames(parts), "frames do not depend on the division")
        require(frames([bytes]) == frames(bytes.map { [$0] }), "frames do not depend on the division")
        require(lines([bytes]) == lines(parts), "lines do not depend on the division")
        require(response([bytes]) == response(parts), "responses do not depend on the division")
        let text = FuzzInput.text(bytes)
        if let time = DockerTime.nanoseconds(text) {
            require(time >= 0 && DockerTime.milliseconds(text) == time / 1_000_000, "times are after 1970")
        }
        if let name = DockerImageName(text) {
            require(name.text == text || name.version == "latest" || text.contains("@"), "a name keeps its parts")
            require(DockerImageName(name.text) == name, "the name of an image is its own")
            require(!name.registry.isEmpty, "every image has a registry")
        }
        if let endpoint = try? EngineEndpoint(text), case .socket(let path) = endpoint.address {
            require(path.isAbsolute && !path.containsZero, "a socket has its whole path")
        }
    }

    private static func frames(_ parts: [[UInt8]]) -> [[UInt8]?] {
        var frames = DockerFrames()
        var streams: [[UInt8]?] = [[], []]
        do {
            for part in parts {
                let goesOn = try part.withUnsafeBytes { bytes in
                    try frames.receive(bytes) { stream, payload in
                        streams[stream == .output ? 0 : 1]? += payload
                        return true
                    }
                }
                require(goesOn, "wanted output does not end")
            }
        } catch { streams.append(nil) }
        return streams
    }

    private static func lines(_ parts: [[UInt8]]) -> [[UInt8]] {
        var lines = JSONLines()
        var all: [[UInt8]] = []
        do {
            for part in parts { try part.withUnsafeBytes { try lines.receive($0) { all.append($0) } } }
            try lines.end { all.append($0) }
        } catch { all.append([]) }
        for line in all {
            _ = try? DockerClient.decode(Docker.Event.self, line)
            _ = try? DockerClient.decode([Docker.Summary].self, line)
            if let container = try? DockerClient.decode(Docker.Container.self, line) {
                let observation = DockerObservations.observation("pod", container)
                require(observation.state != .running || observation.finishedAt == nil, "a running pod has no end")
            }
        }
        return all
    }

    private static func response(_ parts: [[UInt8]]) -> String {
        var options = ConnectionOptions()
        options.largestHead = 1000
        options.largestBody = 1000
        var response = RawResponse(options)
        do {
            for part in parts { try response.receive(part) }
        } catch { return "invalid" }
        require(response.body.count <= 1000, "the body is limited")
        return "\(response.head?.status ?? 0) \(response.isComplete) \(response.body)"
    }
}
