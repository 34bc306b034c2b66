import PodstackAPI
import PodstackTestSupport
import Testing

@testable import Podstack

@Suite("A token is read in the same way wherever it comes from", .blocking, .timeLimit(.perTest))
struct TokenReadingTests {
    let folder: TemporaryDirectory

    init() throws { folder = try TemporaryDirectory() }

    /// Resolves a token from each source that holds a text; the result is by the name of the source.
    func read(_ text: String) async throws -> [String: Result<String, any Error>] {
        let oneLine = text.replacing("\n", with: "").replacing("\r", with: "")
        let file = try folder.write(text, to: "token")
        let credentials = try folder.write("[default]\napi_token = \(oneLine)\n", to: "credentials")
        let json = String(decoding: try APICoding.encode(["api_token": text]), as: UTF8.self).dropFirst()
        let printed = try folder.write("{\"version\":1,\(json)", to: "printed")
        let process = try folder.write("[default]\ncredential_process = /bin/cat \(printed)\n", to: "process")
        _ = try folder.write("", to: "none")
        let nowhere = ["PODSTACK_CREDENTIALS_FILE": folder.file("none")]
        func resolved(_ variables: [String: String], argument: String? = nil) -> Result<String, any Error> {
            Result {
                let environment = PodstackEnvironment(nowhere.merging(variables) { $1 })
                let configuration = try ClientConfiguration(apiToken: argument, environment: environment)
                if let error = configuration.tokenError { throw error }
                return configuration.apiToken?.value.withSecret { $0 } ?? "no value"
            }
        }
        var results = [
            "apiToken:": resolved([:], argument: text), "PODSTACK_API_TOKEN": resolved(["PODSTACK_API_TOKEN": text]),
            "PODSTACK_API_TOKEN_FILE (\(file))": resolved(["PODSTACK_API_TOKEN_FILE": file]),
            "\(credentials):2 [default]": resolved(["PODSTACK_CREDENTIALS_FILE": credentials]),
        ]
        let provider = try ClientConfiguration(
            environment: PodstackEnvironment(["PODSTACK_CREDENTIALS_FILE": process])
        ).token.provider(PodstackEnvironment([:]))
        do {
            let credential = try await provider.credential(insteadOf: nil)
            results["credential_process of \(process):2 [default]"] = .success(credential.token.withSecret { $0 })
        } catch {
            results["credential_process of \(process):2 [default]"] = .failure(error)
        }
        return results
    }

    @Test(
        "whitespace, a byte order mark and quotation marks around it are removed",
        arguments: [
            "TOKEN", " TOKEN\t", "TOKEN\r\n", "\u{FEFF}TOKEN", "\u{FEFF}\"TOKEN\"\n", "'TOKEN'", "\"TOKEN\"", "`TOKEN`",
            "\u{201C}TOKEN\u{201D}", "\u{2018}TOKEN\u{2019}", " \"TOKEN\" ", "\"'TOKEN'\"", "\u{A0}TOKEN\u{200B}",
            "\" TOKEN \"",
        ])
    func wrapping(text: String) async throws {
        for token in [TestToken.generate(id: "0123abcd"), "opaque-token"] {
            for (source, result) in try await read(text.replacing("TOKEN", with: token)) {
                let isEqual = (try? result.get()) == token
                #expect(isEqual, "\(source)")
            }
        }
    }

    @Test(
        "a text that is not a token alone is rejected with the same hint from every source, and is not repeated",
        arguments: [
            (
                "${SECRET}",
                "contains a reference such as ${NAME} that was not replaced by its value: write the token itself"
            ),
            (
                "x${SECRET}",
                "contains a reference such as ${NAME} that was not replaced by its value: write the token itself"
            ),
            (
                "$SECRET",
                "contains a reference such as ${NAME} that was not replaced by its value: write the token itself"
            ),
            (
                "%SECRET%",
                "contains a reference such as ${NAME} that was not replaced by its value: write the token itself"
            ),
            (
                "{{ secrets.SECRET }}",
                "contains a reference such as ${NAME} that was not replaced by its value: write the token itself"
            ),
            (
                "$(cat SECRET)",
                "contains a reference such as ${NAME} that was not replaced by its value: write the token itself"
            ),
            ("<SECRET>", "contains a placeholder in angle brackets instead of a token"),
            ("your_api_token_here", "contains the placeholder from the documentation"),
            ("\"your_api_token_here\"", "contains the placeholder from the documentation"),
            ("Bearer SECRET", "contains a header: leave out everything before the token"),
            ("\"SECRET", "has a quotation mark at one end only: remove it"),
            ("SECRET'", "has a quotation mark at one end only: remove it"),
            ("SEC RET", "contains whitespace, control characters or non-ASCII characters"),
            ("SECR\u{E9}T", "contains whitespace, control characters or non-ASCII characters"),
            (
                "PODSTACK_API_TOKEN=podstack_SECRET",
                "contains a name before the token: leave out everything up to the \"=\""
            ),
            (
                "export PODSTACK_API_TOKEN='podstack_SECRET'",
                "contains a name before the token: leave out everything up to the \"=\""
            ),
            ("\"\"", "is empty"), ("\" \"", "is empty"),
        ])
    func rejected(text: String, defect: String) async throws {
        for (source, result) in try await read(text) {
            let error = #expect(throws: AuthenticationError.self, "\(source)") { _ = try result.get() }
            // An empty value in the credentials file is not set, as an empty variable is.
            guard error?.message.hasPrefix("No API token provided") != true || defect != "is empty" else { continue }
            #expect(error?.message == "Invalid API token: \(source) \(defect)")
            #expect(error?.message.contains("SECRET") == false)
        }
    }

    @Test("a file in UTF-16 is reported as such")
    func otherEncoding() throws {
        let path = folder.file("utf16")
        let bytes: [UInt8] = [0xFF, 0xFE] + "token\r\n".utf8.flatMap { [$0, 0] }
        try write(bytes, to: path)
        let error = #expect(throws: AuthenticationError.self) {
            try Client(environment: PodstackEnvironment(["PODSTACK_API_TOKEN_FILE": path]))
        }
        #expect(
            error?.message
                == "Invalid API token: PODSTACK_API_TOKEN_FILE (\(path)) is not UTF-8 text: save it as UTF-8, for example "
                + "with a text editor")
    }

    private func write(_ bytes: [UInt8], to path: String) throws {
        let octal = bytes.map { byte -> String in
            let digits: [UInt8] = [byte >> 6, byte >> 3 & 7, byte & 7]
            return "\\" + digits.map { "\($0)" }.joined()
        }.joined()
        let outcome = try ToolProcess.run("/bin/sh", ["-c", "printf '\(octal)' >\"$0\"", path])
        #expect(outcome.status == 0)
    }

    @Test(
        "a quotation mark or a reference in a .env file has the meaning of its grammar, and then that of every source")
    func dotEnv() throws {
        for (text, expected) in [
            ("\"'token'\"", "token"), ("'token'", "token"), ("\u{FEFF}token", "token"), ("  token  ", "token"),
            ("${OTHER}", "of_the_other"),
        ] {
            var environment = PodstackEnvironment([
                "OTHER": "of_the_other", "PODSTACK_CREDENTIALS_FILE": folder.file("gone"),
            ])
            let path = try folder.write("X=1\nPODSTACK_API_TOKEN=\(text)\n", to: ".env")
            try DotEnv.load(path, into: &environment)
            #expect(try ClientConfiguration(environment: environment).apiToken?.value == APIToken(expected))
        }
    }
}
