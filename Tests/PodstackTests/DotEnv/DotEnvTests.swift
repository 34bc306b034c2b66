import PodstackSystem
import PodstackTestSupport
import Testing

@testable import Podstack

#if canImport(Glibc)
    import Glibc
#endif

@Suite("DotEnv", .blocking, .timeLimit(.minutes(2)))
struct DotEnvTests {
    let folder: TemporaryDirectory

    init() throws { folder = try TemporaryDirectory() }

    @Test("variables keep the order of their first appearance and have their last value")
    func order() throws {
        let file = try DotEnv.parse("B=1\nA=2\nB=3\nC", environment: PodstackEnvironment([:]))
        #expect(file.variables.map(\.name) == ["B", "A", "C"])
        #expect(file["B"] == "3")
        #expect(file.variables.map(\.line) == [3, 2, 4])
    }

    @Test("a value expanded from the environment is not literal, and neither is a value expanded from it")
    func literals() throws {
        let text = "A=own\nB=${A}\nC=${SECRET}\nD=x${C}\nE=${NONE:-own}\nSECRET=mine\nF=${SECRET}"
        let file = try DotEnv.parse(text, environment: PodstackEnvironment(["SECRET": "of the process"]))
        #expect(file.variables.filter(\.isLiteral).map(\.name) == ["A", "B", "E", "SECRET"])
        let overriding = try DotEnv.parse(text, environment: PodstackEnvironment(["SECRET": "x"]), override: true)
        #expect(overriding.variables.filter { !$0.isLiteral }.map(\.name) == ["C", "D"])
    }

    @Test("values that double with every line are an error")
    func growth() {
        let text = "A0=0123456789abcdef\n" + (1..<60).map { "A\($0)=${A\($0 - 1)}${A\($0 - 1)}\n" }.joined()
        let error = #expect(throws: ConfigurationError.self) {
            try DotEnv.parse(text, environment: PodstackEnvironment([:]))
        }
        #expect(error?.message == ".env:21: the values expand to more than 16 MiB")
    }

    @Test("load sets only missing variables, and override replaces existing ones")
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

    @Test("a variable that is set but empty keeps its value without override")
    func emptyVariable() throws {
        let path = try folder.write("EMPTY=file\n", to: ".env")
        var environment = PodstackEnvironment(["EMPTY": ""])
        try DotEnv.load(path, into: &environment)
        #expect(environment["EMPTY"] == "")
        try DotEnv.load(path, into: &environment, override: true)
        #expect(environment["EMPTY"] == "file")
        let name = "PODSTACK_TEST_\(UInt32.random(in: 0...UInt32.max))"
        defer { unsetenv(name) }
        setenv(name, "", 1)
        try DotEnv.load(try folder.write("\(name)=file\n", to: "process.env"))
        #expect(getenv(name).map { String(cString: $0) } == "")
    }

    @Test("a file that is not UTF-8 is an error with the offset of the byte, and nothing is set")
    func invalidUTF8() throws {
        let path = folder.file("latin1.env")
        let bytes = Array("A=1\nB=caf".utf8) + [0xE9, 0x0A]
        let descriptor = open(path, O_CREAT | O_WRONLY, 0o600)
        #expect(write(descriptor, bytes, bytes.count) == bytes.count)
        close(descriptor)
        var environment = PodstackEnvironment([:])
        let error = #expect(throws: ConfigurationError.self) { try DotEnv.load(path, into: &environment) }
        #expect(error?.message == "\(path) is not UTF-8: the byte at offset 9 is invalid")
        #expect(environment["A"] == nil)
    }

    @Test("load sets the variables of the process, and their origin is recorded")
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

    @Test("an invalid line gives a warning with its number and without its text")
    func warnings() throws {
        let path = try folder.write("A=1\nsecret words here\nB=2\n", to: ".env")
        var environment = PodstackEnvironment([:])
        let events = RecordedEvents()
        try DotEnv.load(path, into: &environment, onEvent: events.append)
        #expect(events.all == [.warning("\(path):2: expected NAME=value; the line was skipped")])
        #expect(environment["B"] == "2")
    }

    @Test(
        "a name or a value that an environment cannot hold is an error with its line, and nothing is set",
        arguments: ["A=1\nB=\u{0}", "A=1\n'B=C'=2", "A=1\nB\u{0}=2"])
    func unholdable(text: String) throws {
        let path = try folder.write(text, to: ".env")
        var environment = PodstackEnvironment([:])
        let error = #expect(throws: ConfigurationError.self) { try DotEnv.load(path, into: &environment) }
        #expect(error?.message.hasPrefix("\(path):2: ") == true)
        #expect(environment["A"] == nil)
    }

    @Test("a named file must exist and must not be a folder")
    func missing() {
        var environment = PodstackEnvironment([:])
        #expect(throws: ConfigurationError.self) { try DotEnv.load(folder.file("gone"), into: &environment) }
        #expect(throws: ConfigurationError.self) { try DotEnv.load(folder.path, into: &environment) }
    }

    @Test("more than 10,000 variables are an error, and nothing is set")
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

    @Test("the search stops at the repository and at the home directory")
    func search() throws {
        let top = folder.file("top")
        for path in ["", "/repository", "/repository/.git", "/repository/sub", "/home", "/home/project"] {
            #expect(mkdir(top + path, 0o700) == 0)
        }
        _ = try folder.write("A=1", to: "top/.env")
        #expect(DotEnvSearch.find(from: FilePath(top + "/repository/sub"), home: nil) == nil)
        #expect(DotEnvSearch.find(from: FilePath(top + "/home/project"), home: FilePath(top + "/home")) == nil)
        #expect(
            DotEnvSearch.find(from: FilePath(top + "/home/project"), home: nil)?.text.hasSuffix("/top/.env") == true)
        _ = try folder.write("A=1", to: "top/repository/.env")
        #expect(
            DotEnvSearch.find(from: FilePath(top + "/repository/sub"), home: nil)?.text.hasSuffix("repository/.env")
                == true)
        #expect(mkdir(top + "/repository/sub/.env", 0o700) == 0)
        #expect(
            DotEnvSearch.find(from: FilePath(top + "/repository/sub"), home: nil)?.text.hasSuffix("repository/.env")
                == true)
    }

    @Test(
        "a file or a link of another owner is skipped in a parent, but not in the working directory",
        .enabled(if: geteuid() == 0))
    func foreign() throws {
        let (top, project) = (folder.file("top"), folder.file("top/project"))
        for path in [top, project] { #expect(mkdir(path, 0o700) == 0) }
        let planted = try folder.write("PODSTACK_API_TOKEN=theirs", to: "top/.env")
        #expect(chown(planted, 65534, 65534) == 0)
        #expect(DotEnvSearch.find(from: FilePath(project), home: nil) == nil)
        #expect(DotEnvSearch.find(from: FilePath(top), home: nil)?.text.hasSuffix("/top/.env") == true)
        let own = try folder.write("PODSTACK_API_TOKEN=mine", to: "own")
        #expect(unlink(planted) == 0 && symlink(own, planted) == 0)
        #expect(DotEnvSearch.find(from: FilePath(project), home: nil)?.text.hasSuffix("/top/.env") == true)
        #expect(lchown(planted, 65534, 65534) == 0)
        #expect(DotEnvSearch.find(from: FilePath(project), home: nil) == nil)
    }

    @Test("neither a file nor a variable prints a value")
    func printing() throws {
        let file = try DotEnv.parse("A=quite-secret\nB")
        #expect(file["A"] == "quite-secret")
        var dumped = ""
        dump(file, to: &dumped)
        dump(file.variables, to: &dumped)
        for text in ["\(file)", "\(file.variables)", String(reflecting: file.variables), dumped] {
            #expect(!text.contains("secret"), "\(text)")
        }
    }
}
