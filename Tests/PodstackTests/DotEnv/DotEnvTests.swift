import PodstackTestSupport
import Testing

@testable import Podstack

#if canImport(Glibc)
    import Glibc
#endif

@Suite("DotEnv", .blocking)
struct DotEnvTests {
    let folder: TemporaryDirectory

    init() throws { folder = try TemporaryDirectory() }

    @Test("variables keep the order of their first appearance, and the last value counts")
    func order() throws {
        let file = try DotEnv.parse("B=1\nA=2\nB=3\nC", environment: PodstackEnvironment([:]))
        #expect(file.variables.map(\.name) == ["B", "A", "C"])
        #expect(file["B"] == "3")
        #expect(file.variables.map(\.line) == [3, 2, 4])
    }

    @Test("what was expanded from the environment is not of the file, and neither is what is made of it")
    func literals() throws {
        let text = "A=own\nB=${A}\nC=${SECRET}\nD=x${C}\nE=${NONE:-own}\nSECRET=mine\nF=${SECRET}"
        let file = try DotEnv.parse(text, environment: PodstackEnvironment(["SECRET": "of the process"]))
        #expect(file.variables.filter(\.isLiteral).map(\.name) == ["A", "B", "E", "SECRET"])
        let overriding = try DotEnv.parse(text, environment: PodstackEnvironment(["SECRET": "x"]), override: true)
        #expect(overriding.variables.filter { !$0.isLiteral }.map(\.name) == ["C", "D"])
    }

    @Test("a value that grows with every line is an error, not a full memory")
    func growth() {
        let text = "A0=0123456789abcdef\n" + (1..<60).map { "A\($0)=${A\($0 - 1)}${A\($0 - 1)}\n" }.joined()
        let error = #expect(throws: ConfigurationError.self) {
            try DotEnv.parse(text, environment: PodstackEnvironment([:]))
        }
        #expect(error?.message == ".env:21: the values expand to more than 16 MiB")
    }

    @Test("load sets what is not set, and override what is")
    func loading() throws {
        let path = try folder.write("A=file\nB=file\nC\n", to: ".env")
        var environment = PodstackEnvironment(["A": "before"])
        try DotEnv.load(path, into: &environment)
        #expect(environment["A"] == "before")
        #expect(environment["B"] == "file")
        #expect(environment["C"] == nil)
        try DotEnv.load(path, into: &environment, override: true)
        #expect(environment["A"] == "file")
    }

    @Test("load sets the variables of the process, and the client knows where they came from")
    func process() throws {
        let name = "PODSTACK_TEST_\(UInt32.random(in: 0...UInt32.max))"
        defer { unsetenv(name) }
        let path = try folder.write("\n\(name)=of the file\n", to: "process.env")
        try DotEnv.load(path)
        #expect(getenv(name).map { String(cString: $0) } == "of the file")
        #expect(PodstackEnvironment.process.dotEnvOrigin(of: name)?.line == 2)
        setenv(name, "changed since", 1)
        #expect(PodstackEnvironment.process.dotEnvOrigin(of: name) == nil)
    }

    @Test("lines in error are warnings with their numbers, and never with their text")
    func warnings() throws {
        let path = try folder.write("A=1\nsecret words here\nB=2\n", to: ".env")
        var environment = PodstackEnvironment([:])
        let events = RecordedEvents()
        try DotEnv.load(path, into: &environment, onEvent: events.append)
        #expect(events.all == [.warning("\(path):2: expected NAME=value; the line was skipped")])
        #expect(environment["B"] == "2")
    }

    @Test(
        "what no environment can hold is refused with its line, and nothing is set",
        arguments: ["A=1\nB=\u{0}", "A=1\n'B=C'=2", "A=1\nB\u{0}=2"])
    func unholdable(text: String) throws {
        let path = try folder.write(text, to: ".env")
        var environment = PodstackEnvironment([:])
        let error = #expect(throws: ConfigurationError.self) { try DotEnv.load(path, into: &environment) }
        #expect(error?.message.hasPrefix("\(path):2: ") == true)
        #expect(environment["A"] == nil)
    }

    @Test("a file that is named must be there, and a folder is none")
    func missing() {
        var environment = PodstackEnvironment([:])
        #expect(throws: ConfigurationError.self) { try DotEnv.load(folder.file("gone"), into: &environment) }
        #expect(throws: ConfigurationError.self) { try DotEnv.load(folder.path, into: &environment) }
    }

    @Test("more variables than an environment should hold are refused, and nothing is set")
    func tooMany() throws {
        let lines = (0..<10_001).map { "A\($0)=1" }
        let path = try folder.write(lines.joined(separator: "\n"), to: ".env")
        var environment = PodstackEnvironment([:])
        let error = #expect(throws: ConfigurationError.self) { try DotEnv.load(path, into: &environment) }
        #expect(error?.message == "\(path) contains more than 10000 variables")
        #expect(environment["A0"] == nil)
        _ = try folder.write(lines.dropLast().joined(separator: "\n"), to: ".env")
        try DotEnv.load(path, into: &environment)
        #expect(environment["A9999"] == "1")
    }

    @Test("a named pipe can be read")
    func pipe() async throws {
        let path = folder.file("pipe")
        #expect(mkfifo(path, 0o600) == 0)
        let writer = Task.detached {
            let descriptor = open(path, O_WRONLY)
            _ = write(descriptor, "A=piped\n", 8)
            close(descriptor)
        }
        #expect(try DotEnv.read(path)["A"] == "piped")
        await writer.value
    }

    @Test("it is looked for upwards, but not beyond the repository or the home directory")
    func search() throws {
        let top = folder.file("top")
        for path in ["", "/repository", "/repository/.git", "/repository/sub", "/home", "/home/project"] {
            #expect(mkdir(top + path, 0o700) == 0)
        }
        _ = try folder.write("A=1", to: "top/.env")
        #expect(DotEnvSearch.find(from: top + "/repository/sub", home: nil) == nil)
        #expect(DotEnvSearch.find(from: top + "/home/project", home: top + "/home") == nil)
        #expect(DotEnvSearch.find(from: top + "/home/project", home: nil)?.hasSuffix("/top/.env") == true)
        _ = try folder.write("A=1", to: "top/repository/.env")
        #expect(DotEnvSearch.find(from: top + "/repository/sub", home: nil)?.hasSuffix("repository/.env") == true)
        #expect(mkdir(top + "/repository/sub/.env", 0o700) == 0)
        #expect(DotEnvSearch.find(from: top + "/repository/sub", home: nil)?.hasSuffix("repository/.env") == true)
    }

    @Test(
        "one that somebody else left above, or linked to, is not this project's; one beside the program is",
        .enabled(if: geteuid() == 0))
    func foreign() throws {
        let (top, project) = (folder.file("top"), folder.file("top/project"))
        for path in [top, project] { #expect(mkdir(path, 0o700) == 0) }
        let planted = try folder.write("PODSTACK_API_TOKEN=theirs", to: "top/.env")
        #expect(chown(planted, 65534, 65534) == 0)
        #expect(DotEnvSearch.find(from: project, home: nil) == nil)
        #expect(DotEnvSearch.find(from: top, home: nil)?.hasSuffix("/top/.env") == true)
        let own = try folder.write("PODSTACK_API_TOKEN=mine", to: "own")
        #expect(unlink(planted) == 0 && symlink(own, planted) == 0)
        #expect(DotEnvSearch.find(from: project, home: nil)?.hasSuffix("/top/.env") == true)
        #expect(lchown(planted, 65534, 65534) == 0)
        #expect(DotEnvSearch.find(from: project, home: nil) == nil)
    }
}
