import PodstackSystem
import PodstackTestSupport
import Testing

@testable import Podstack

#if canImport(Glibc)
    import Glibc
#endif

@Suite("Text and paths of the system", .timeLimit(.perTest))
struct FilePathTests {
    @Test("any bytes become text and the same bytes again")
    func roundTrip() {
        var generator = TestSeed.generator()
        // Parts of characters, whole characters, and the noncharacters that stand for bytes.
        let pieces: [[UInt8]] = [
            [0x61], [0x2F], [0x80], [0xC3], [0xA9], [0xC3, 0xA9], [0xED, 0xA0, 0x80], [0xEF, 0xB7, 0x9F],
            [0xEF, 0xB7, 0xA0], [0xEF, 0xB7, 0xAF], [0xEF], [0xEF, 0xB7], [0xF4, 0x8F, 0xBF, 0xBF], [0xF8], [0xFF],
            [0xC0, 0xAF], [0xE2, 0x80, 0xAE],
        ]
        for _ in 0..<20_000 {
            let bytes = (0..<Int.random(in: 0...8, using: &generator)).flatMap { _ in
                pieces[Int.random(in: 0..<pieces.count, using: &generator)]
            }
            let text = SystemText.text(of: bytes)
            #expect(SystemText.bytes(of: text) == bytes)
            #expect(FilePath(bytes: bytes).text == text && FilePath(text).bytes == bytes)
            let valid = String(validating: bytes, as: UTF8.self)
            if let valid, !valid.unicodeScalars.contains(where: { (0xFDD0...0xFDEF).contains($0.value) }) {
                #expect(Array(text.utf8) == bytes)
                #expect(SystemText.isUTF8(text))
            } else {
                #expect(!SystemText.isUTF8(text))
            }
            let displayed = SystemText.displayed(text)
            #expect(!displayed.unicodeScalars.contains { (0xFDD8...0xFDEF).contains($0.value) })
        }
    }

    @Test("a path that is printed has escapes for what is not text")
    func description() {
        #expect(FilePath(bytes: Array("/home/\u{E9}".utf8)).description == "/home/é")
        #expect(FilePath(bytes: [0x2F, 0xFF, 0x61]).description == #"/\xffa"#)
        #expect(FilePath("a\u{1B}[2J\nb\u{202E}c\u{7}").description == #"a\x1b[2J\nb\u{202e}c\x07"#)
        #expect("\(FilePath(bytes: [0xC3]))" != "\(FilePath(bytes: [0xC4]))")
    }

    @Test("paths are equal only if their bytes are")
    func equality() {
        // Both look alike, and Swift regards them as equal strings.
        #expect(FilePath("\u{E9}") != FilePath("e\u{301}"))
        #expect(FilePath(bytes: [0xFF]) != FilePath(bytes: [0xFE]))
    }

    @Test("the parts of a path")
    func parts() {
        let parents = [
            "a": ".", "/": "/", "/a": "/", "//a": "/", "a/b": "a", "a//b": "a", "/a/b": "/a", "/a/b/": "/a/b", "": ".",
        ]
        for (path, parent) in parents { #expect(FilePath(path).parent == FilePath(parent), "\(path)") }
        for path in ["", "a/", "/", ".", "..", "a/.", "a/.."] { #expect(FilePath(path).namesDirectory, "\(path)") }
        for path in ["a", "/a", "a..", "...", "a/.b"] { #expect(!FilePath(path).namesDirectory, "\(path)") }
        #expect(FilePath("/").appending("a") == "/a")
        #expect(FilePath("b") + ".lock" == "b.lock")
    }

    @Test("~ is the home directory, and ~name that of a user")
    func home() throws {
        let environment = PodstackEnvironment(["HOME": "/home/you"])
        #expect(try environment.path("~") == "/home/you")
        #expect(try environment.path("~/") == "/home/you")
        #expect(try environment.path("~//a/b") == "/home/you/a/b")
        #expect(try environment.path("./~/a") == "./~/a")
        #expect(try environment.path("a/~") == "a/~")
        #expect(try environment.path("/~") == "/~")
        let root = try #require(getpwuid(0).map { String(cString: $0.pointee.pw_dir) })
        #expect(try environment.path("~root/a") == FilePath(root + "/a"))
        let unknown = #expect(throws: ConfigurationError.self) { try environment.path("~no-such-user/a") }
        #expect(unknown?.message == "~no-such-user names a user who does not exist")
        let none = #expect(throws: ConfigurationError.self) { try PodstackEnvironment([:]).path("~/a") }
        #expect(none?.message == "~ stands for the home directory, and there is none")
        #expect(try PodstackEnvironment([:]).path("a") == "a")
    }

    @Test(
        "a relative home directory is an error wherever a file would be looked for in it", arguments: ["x", ".", "./x"])
    func relativeHome(home: String) throws {
        let environment = PodstackEnvironment(["HOME": home])
        func message(_ body: () throws -> Void) -> String? {
            #expect(throws: ConfigurationError.self) { try body() }?.message
        }
        let expected = "HOME is a relative path, so it is not a home directory"
        #expect(message { _ = try CredentialsFile.path(environment) } == expected)
        #expect(message { _ = try Client(environment: environment) } == expected)
        #expect(message { _ = try Client(profile: "p", environment: environment) } == expected)
        #expect(message { _ = try environment.path("~/a") } == expected)
        // Other sources of a token need no home directory.
        _ = try Client(environment: PodstackEnvironment(["HOME": home, "PODSTACK_API_TOKEN": "t"]))
        // Empty is unset, and there may be no home directory.
        #expect(try PodstackEnvironment(["HOME": " "]).home() == nil)
    }

    @Test("a path in a variable, in an argument of the SDK and in a command may start with ~")
    func expandedSources() async throws {
        let folder = try TemporaryDirectory()
        _ = try folder.write("[default]\napi_token = from_profile\n", to: "credentials")
        _ = try folder.write("from_file\n", to: "token")
        func client(_ variables: [String: String]) throws -> Client {
            try Client(environment: PodstackEnvironment(variables.merging(["HOME": folder.path]) { $1 }))
        }
        let profile = try client(["PODSTACK_CREDENTIALS_FILE": "~/credentials"]).configuration.apiToken
        #expect(profile?.value == APIToken("from_profile"))
        #expect(profile?.source == .profile("default", path: folder.file("credentials"), line: 2))
        let file = try client(["PODSTACK_API_TOKEN_FILE": "~/token"]).configuration.apiToken
        #expect(file?.value == APIToken("from_file"))
        let options = ConnectionOptions(
            environment: PodstackEnvironment(["HOME": "/h", "PODSTACK_CA_BUNDLE": "~/ca.pem"]))
        #expect(options.certificateAuthorities == "/h/ca.pem")
        _ = try folder.write("PODSTACK_API_TOKEN=from_dotenv\n", to: "env")
        var environment = PodstackEnvironment(["HOME": folder.path])
        #expect(try DotEnv.load("~/env", into: &environment)?.path == folder.file("env"))
        let helper = try folder.writeProgram(
            #"[ "$1" = "$HOME/x" ] && printf '{"version": 1, "api_token": "from_command"}'"#, to: "my helper")
        let credentials = ProcessCredentials.process(
            command: #""~/my helper" ~/x"#, environment: PodstackEnvironment(["HOME": folder.path]))
        #expect(try await credentials.credential(insteadOf: nil).token == APIToken("from_command"))
        #expect(helper == folder.file("my helper"))
    }
}
