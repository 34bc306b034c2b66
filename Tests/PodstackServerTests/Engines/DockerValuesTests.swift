import PodstackSystem
import PodstackTestSupport
import Testing

@testable import PodstackServer

#if canImport(FoundationEssentials)
    import FoundationEssentials
#else
    import Foundation
#endif

@Suite("The frames of a container's output", .timeLimit(.perTest))
struct DockerFramesTests {
    private func frame(_ stream: UInt8, _ text: String) -> [UInt8] {
        let count = text.utf8.count
        return [stream, 0, 0, 0] + [24, 16, 8, 0].map { UInt8(count >> $0 & 0xFF) } + Array(text.utf8)
    }

    private func joined(_ parts: [ArraySlice<UInt8>]) throws -> (output: String, error: String, isComplete: Bool) {
        var frames = DockerFrames()
        var (output, error): ([UInt8], [UInt8]) = ([], [])
        for part in parts {
            let goesOn = try part.withUnsafeBytes { bytes in
                try frames.receive(bytes) { stream, payload in
                    #expect(!payload.isEmpty)
                    if stream == .output { output += payload } else { error += payload }
                    return true
                }
            }
            #expect(goesOn)
        }
        return (String(decoding: output, as: UTF8.self), String(decoding: error, as: UTF8.self), frames.isComplete)
    }

    @Test("have the same payloads however the bytes are divided")
    func divisions() throws {
        let bytes =
            frame(1, "one\n") + frame(2, "two\n") + frame(1, "") + frame(1, String(repeating: "x", count: 300))
            + frame(0, "!")
        let expected = "one\n" + String(repeating: "x", count: 300) + "!"
        for first in 0...bytes.count {
            for second in stride(from: first, through: bytes.count, by: 7) {
                let result = try joined([bytes[..<first], bytes[first..<second], bytes[second...]])
                #expect(result == (expected, "two\n", true))
            }
        }
        #expect(try !joined([bytes.dropLast()]).isComplete)
        #expect(try !joined([bytes[..<4]]).isComplete)
        let single = try joined(bytes.map { [$0] })
        #expect(single.output == expected)
    }

    @Test("that are damaged, or an error of the engine, end the output")
    func damage() throws {
        for bytes in [[1, 0, 0, 1, 0, 0, 0, 0], [4, 0, 0, 0, 0, 0, 0, 1], Array("HTTP/1.1 200 OK".utf8)] as [[UInt8]] {
            #expect(throws: DockerFrames.Problem.invalid) { try joined([bytes[...]]) }
        }
        #expect(throws: DockerFrames.Problem.engine("disk gone")) {
            try joined([(frame(1, "a") + frame(3, "disk gone"))[...]])
        }
        #expect(throws: DockerFrames.Problem.engine("")) { try joined([frame(3, "")[...]]) }
    }

    @Test("that are unwanted are not passed on")
    func unwanted() throws {
        var frames = DockerFrames()
        var count = 0
        let goesOn = try (frame(1, "a") + frame(1, "b")).withUnsafeBytes { bytes in
            try frames.receive(bytes) { _, _ in
                count += 1
                return false
            }
        }
        #expect(!goesOn)
        #expect(count == 1)
    }
}

@Suite("The values of the Docker API", .timeLimit(.perTest))
struct DockerValuesTests {
    // MARK: - Times

    @Test(
        "have times with up to nine digits of a second, in every zone",
        arguments: [
            ("1970-01-01T00:00:00Z", 0), ("2026-11-28T14:39:23.817611582Z", 1_795_876_763_817_611_582),
            ("2026-11-28T15:39:23.8+01:00", 1_795_876_763_800_000_000),
            ("2026-11-28T14:09:23.000000001-00:30", 1_795_876_763_000_000_001),
            ("2024-02-29T23:59:59.999999999Z", 1_709_251_199_999_999_999),
            ("2000-03-01T00:00:00Z", 951_868_800_000_000_000),
        ] as [(String, Int64)])
    func times(_ text: String, nanoseconds: Int64) {
        #expect(DockerTime.nanoseconds(text) == nanoseconds)
        #expect(DockerTime.milliseconds(text) == nanoseconds / 1_000_000)
    }

    @Test(
        "have no other times",
        arguments: [
            "0001-01-01T00:00:00Z", "", "2026-11-28", "2026-11-28T14:39:23", "2026-11-28T14:39:23.Z",
            "2026-11-28T14:39:23.1234567890Z",
            "2026-13-28T14:39:23Z", "2026-11-28T24:39:23Z", "2026-11-28T14:39:23Zx", "2026-11-28 14:39:23Z",
            "2026-11-28T14:39:23+1:00",
            "٢026-11-28T14:39:23Z",
        ])
    func invalidTimes(_ text: String) { #expect(DockerTime.nanoseconds(text) == nil) }

    @Test("agree with the system's calendar")
    func calendar() {
        for day in stride(from: 0, through: 100_000, by: 13) {
            let date = Date(timeIntervalSince1970: Double(day) * 86_400)
            #expect(DockerTime.nanoseconds(date.formatted(.iso8601)) == Int64(day) * 86_400_000_000_000)
        }
    }

    @Test("have times in queries with all digits")
    func queryTimes() {
        #expect(DockerTime.query(nanoseconds: 1_795_876_763_000_000_001) == "1795876763.000000001")
        #expect(DockerTime.query(nanoseconds: 5) == "0.000000005")
    }

    // MARK: - Names of images

    @Test(
        "have names of images with a repository and a version",
        arguments: [
            ("debian", "debian", "latest", "https://index.docker.io/v1/"),
            ("debian:12", "debian", "12", "https://index.docker.io/v1/"),
            ("team/model", "team/model", "latest", "https://index.docker.io/v1/"),
            ("registry.example:5000/a/b", "registry.example:5000/a/b", "latest", "registry.example:5000"),
            ("registry.example:5000/a/b:v1", "registry.example:5000/a/b", "v1", "registry.example:5000"),
            ("localhost/a@sha256:0123", "localhost/a", "sha256:0123", "localhost"),
            ("a:1@sha256:0123", "a", "sha256:0123", "https://index.docker.io/v1/"),
        ])
    func imageNames(_ text: String, repository: String, version: String, registry: String) throws {
        let name = try #require(DockerImageName(text))
        #expect(name.repository == repository)
        #expect(name.version == version)
        #expect(name.registry == registry)
        #expect(name.text == repository + (version.hasPrefix("sha256") ? "@" : ":") + version)
    }

    @Test(
        "have no names of images with other characters or empty parts",
        arguments: [
            "", ":", "a b", "a?b", "a%2fb", "ä", "a//b", "/a", "a/../b", "a:", "a@", "../a", "a\n", "a:b:c", "a@b",
            "a@b:c:d", "a:b@c", "a:1/",
        ])
    func invalidImageNames(_ text: String) { #expect(DockerImageName(text) == nil) }

    // MARK: - Versions

    private func version(_ text: String) throws -> Docker.Version {
        try DockerClient.decode(Docker.Version.self, Array(text.utf8))
    }

    @Test("have the newest version of the API that both sides know")
    func negotiation() throws {
        for (newest, oldest, agreed) in [("1.41", "1.12", "1.41"), ("1.48", "1.24", "1.48"), ("1.99", "1.44", "1.51")] {
            let engine = try version(
                #"{"Version":"x","ApiVersion":"\#(newest)","MinAPIVersion":"\#(oldest)","Os":"linux","New":[1]}"#)
            #expect(try DockerClient.negotiate(with: engine).apiVersion.description == agreed)
        }
    }

    @Test(
        "refuse engines that are too old, too new, not for Linux, or Podman",
        arguments: [
            (#"{"Version":"19.03.1","ApiVersion":"1.40","MinAPIVersion":"1.12","Os":"linux"}"#, "too old"),
            (#"{"Version":"99.1","ApiVersion":"1.99","MinAPIVersion":"1.80","Os":"linux"}"#, "too new"),
            (#"{"Version":"28","ApiVersion":"1.48","Os":"windows"}"#, "windows"),
            (#"{"Version":"28","ApiVersion":"latest","Os":"linux"}"#, "version"),
            (
                #"{"Version":"4.3.1","ApiVersion":"1.41","MinAPIVersion":"1.24","Os":"linux","Components":[{"Name":"Podman Engine","Version":"4.3.1"}]}"#,
                "Podman"
            ),
        ])
    func refusals(_ text: String, word: String) throws {
        let engine = try version(text)
        let failure = #expect(throws: EngineFailure.self) { try DockerClient.negotiate(with: engine) }
        #expect(failure?.kind == .refused)
        #expect(failure?.reason.contains(word) == true)
    }

    @Test(
        "are errors if a field is missing or has another type",
        arguments: ["{}", "[]", "", #"{"Version":1,"ApiVersion":"1.41","Os":"linux"}"#])
    func malformed(_ text: String) {
        let failure = #expect(throws: EngineFailure.self) { try version(text) }
        #expect(failure?.kind == .failed)
    }

    // MARK: - States

    private func container(_ state: String) throws -> Docker.Container {
        let text =
            #"{"Id":"1","Config":{"Labels":null},"State":\#(state),"NetworkSettings":{"Ports":{"80/tcp":[{"HostIp":"::1","HostPort":"81"}],"81/udp":[{"HostIp":"0.0.0.0","HostPort":"1"}],"82/tcp":null}}}"#
        return try DockerClient.decode(Docker.Container.self, Array(text.utf8))
    }

    @Test(
        "have states that become those of pods",
        arguments: [
            ("created", "", "\"error\"", EngineObservation.State.failed("error")), ("created", "", "null", .created),
            ("running", "", "\"\"", .running), ("paused", "", "\"\"", .running),
            ("removing", "", "\"\"", .removing), ("exited", "", "\"\"", .exited(code: 3, isOutOfMemory: false)),
            ("exited", "", "\"OCI runtime create failed: exec: nothing: unknown\"", .failed("exec: nothing")),
            ("dead", "", "\"\"", .failed("the engine could not remove the container")),
        ])
    func states(_ status: String, _: String, error: String, state: EngineObservation.State) throws {
        let observation = DockerObservations.observation(
            "pod",
            try container(
                #"{"Status":"\#(status)","ExitCode":3,"OOMKilled":false,"Error":\#(error),"StartedAt":"2026-01-01T00:00:00.0019Z","FinishedAt":"2026-01-01T00:00:01Z"}"#
            ))
        #expect(observation.state == state)
        #expect(observation.startedAt == 1_767_225_600_001)
        #expect(observation.finishedAt == (state == .running ? nil : 1_767_225_601_000))
        #expect(observation.addresses == (state == .running ? [80: "[::1]:81"] : [:]))
    }

    // MARK: - Failures

    @Test(
        "have errors whose text says what matters",
        arguments: [
            (500, "could not select device driver \"\" with capabilities: [[gpu]]", EngineFailure.Kind.gpu),
            (
                500,
                "failed to create shim task: OCI runtime create failed: runc create failed: unable to start container process: error during container init: error running hook #0: error running hook: exit status 1, stdout: , stderr: nvidia-container-cli: device error: 7: unknown device: unknown",
                .gpu
            ),
            (
                500,
                "driver failed programming external connectivity on endpoint x: Bind for 127.0.0.1:80 failed: port is already allocated",
                .conflict
            ),
            (409, "remove x: volume is in use - [y]", .conflict),
            (500, "write /var: no space left on device", .noSpace),
            (
                500,
                "could not find an available, non-overlapping IPv4 address pool among the defaults to assign to the network",
                .noSpace
            ),
            (404, "No such image: x:1", .image), (404, "network x not found", .failed),
            (404, "No such container: x", .notFound),
            (500, "lstat /var/lib/docker/overlay2/0/merged/etc/passwd/x: not a directory", .notFound),
            (400, "invalid mount config", .refused),
            (500, "something else", .failed), (503, "starting", .failed),
        ])
    func failures(_ status: Int, message: String, kind: EngineFailure.Kind) {
        #expect(DockerFailure.failure(status: status, message: message).kind == kind)
    }

    @Test("have reasons that are one short line")
    func reasons() {
        let long = DockerFailure.reason(
            "failed to create shim task: OCI runtime create failed: exec: \"x\":\nnot found.: unknown")
        #expect(long == "exec: \"x\": not found")
        #expect(DockerFailure.reason(String(repeating: "x", count: 9999)).utf8.count < 600)
        let port =
            "driver failed programming external connectivity on endpoint pod (0f): Error starting userland proxy: taken"
        #expect(DockerFailure.reason(port) == "Error starting userland proxy: taken")
        let gpu =
            "error running hook #0: error running hook: exit status 1, stdout: , stderr: nvidia-container-cli: no GPU: unknown"
        #expect(DockerFailure.reason(gpu) == "nvidia-container-cli: no GPU")
        #expect(
            DockerFailure.reason("lstat /var/lib/docker/overlay2/0/merged/etc/passwd/x: not a directory")
                == "lstat the path: not a directory")
        #expect(DockerFailure.failure(status: 502, message: nil).reason.contains("502"))
    }

    // MARK: - Progress

    @Test("have the progress of a pull, which is reported now and then")
    func progress() throws {
        var progress = PullProgress()
        let start = ContinuousClock.now
        func line(_ layer: String, _ current: Int, _ total: Int, after seconds: Int) throws -> String? {
            let text =
                #"{"id":"\#(layer)","status":"Downloading","progressDetail":{"current":\#(current),"total":\#(total)}}"#
            return progress.receive(
                try DockerClient.decode(Docker.Progress.self, Array(text.utf8)), at: start + .seconds(seconds))
        }
        #expect(try line("a", 1_000_000, 10_000_000, after: 0) == nil)
        #expect(try line("b", 1_000_000, 90_000_000, after: 1) == nil)
        #expect(try line("a", 9_000_000, 10_000_000, after: 6) == "Downloaded 10 of 100 MB so far")
        #expect(try line("a", 10_000_000, 10_000_000, after: 7) == nil)
        #expect(
            progress.receive(
                try DockerClient.decode(Docker.Progress.self, Array(#"{"status":"Done"}"#.utf8)),
                at: start + .seconds(99)) == nil)
    }

    @Test("come as lines, however they are divided")
    func lines() throws {
        let bytes = Array("{\"a\":1}\r\n\n  \n[2]\n3".utf8)
        for index in 0...bytes.count {
            var lines = JSONLines()
            var all: [String] = []
            let pass: ([UInt8]) -> Void = { all.append(String(decoding: $0, as: UTF8.self)) }
            for part in [bytes[..<index], bytes[index...]] {
                try part.withUnsafeBytes { try lines.receive($0, pass: pass) }
            }
            #expect(all == ["{\"a\":1}\r", "[2]"])
            try lines.end(pass: pass)
            #expect(all == ["{\"a\":1}\r", "[2]", "3"])
        }
    }

    // MARK: - Archives

    @Test("are archives that tar reads")
    func archives() throws {
        let long = "/run/" + String(repeating: "a", count: 90) + "/" + String(repeating: "b", count: 90)
        let files: [(path: String, content: [UInt8])] = [
            ("/run/podstack/token", Array("secret".utf8)), ("/run/podstack/empty", []),
            (long, [UInt8](repeating: 0x78, count: 1025)),
        ]
        let folder = try TemporaryDirectory()
        try TemporaryDirectory.replace(folder.file("a.tar"), withBytes: TarArchive.files(files))
        let listed = try ToolProcess.run("/bin/tar", ["-tvf", folder.file("a.tar")])
        #expect(listed.status == 0, "\(listed.error)")
        #expect(listed.output.split(separator: "\n").count == 5)
        #expect(listed.output.contains("-r--r--r-- 0/0               6 "))
        #expect(listed.output.contains("drwxr-xr-x 0/0               0 "))
        for (path, content) in files {
            let read = try ToolProcess.run("/bin/tar", ["-xOf", folder.file("a.tar"), String(path.dropFirst())])
            #expect(Array(read.output.utf8) == content)
        }
    }
}

@Suite("The URL of an engine", .timeLimit(.perTest))
struct EngineEndpointTests {
    private let identity = EngineEndpoint.Identity(certificate: "/c", key: "/k", authorities: "/a")

    @Test("names a socket, or a host with certificates")
    func valid() throws {
        #expect(try EngineEndpoint("unix:///run/docker.sock").address == .socket("/run/docker.sock"))
        #expect(try EngineEndpoint("unix:///run/docker.sock").kind == .docker)
        #expect(try EngineEndpoint("swarm+unix:///run/docker.sock").kind == .swarm)
        for host in ["engine.example:2376", "10.0.0.1:2376", "[::1]:2376"] {
            #expect(try EngineEndpoint("tcp://\(host)", identity: identity).address == .secure(host: host, identity))
            #expect(try EngineEndpoint("swarm+tcp://\(host)/", identity: identity).kind == .swarm)
        }
    }

    @Test(
        "is refused if it is anything else",
        arguments: [
            "", "docker.sock", "unix://docker.sock", "unix:///", "unix:///run/",
            "unix:///" + String(repeating: "x", count: 107), "http://x:1",
            "tcp://", "tcp://x", "tcp://:2376", "tcp://x:0", "tcp://x:99999", "tcp://x:1/y", "tcp://u@x:1",
            "tcp://x y:1", "tcp://::1:2376",
            "swarm+", "tcp://[::1:2376",
        ])
    func invalid(_ url: String) {
        let problem = #expect(throws: EngineEndpoint.Problem.self) {
            try EngineEndpoint(url, identity: url.hasPrefix("tcp") ? identity : nil)
        }
        #expect(problem?.reason.contains("\"\(url)\"") == true)
    }

    @Test("needs certificates for a host, and none for a socket")
    func certificates() {
        #expect(throws: EngineEndpoint.Problem.self) { try EngineEndpoint("tcp://x:2376") }
        #expect(throws: EngineEndpoint.Problem.self) {
            try EngineEndpoint("unix:///run/docker.sock", identity: identity)
        }
    }
}
