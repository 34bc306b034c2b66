import Podstack
import PodstackCommandLine
import PodstackTestSupport
import Testing

@testable import PodstackCLI

@Suite("Completion of a command line", .timeLimit(.minutes(5)))
struct CompletionTests {
    func complete(_ words: [String]) -> LineCompletion {
        LineCompletion(words, of: PodstackTool.program) { list in
            list == "profiles" ? ["default", "my work"] : [LineCompletion.Candidate(text: "prj_1", summary: list)]
        }
    }

    func complete(_ words: String...) -> LineCompletion { complete(words) }

    func texts(_ words: String...) -> [String] { complete(words).candidates.map(\.text) }

    @Test("every command can be completed word by word, and all its flags are offered")
    func everything() {
        for command in PodstackTool.program.visibleCommands {
            for (index, word) in command.words.enumerated() {
                let next = complete(Array(command.words[..<index]) + [""])
                #expect(next.candidates.contains { $0.text == word }, "\(command.name)")
            }
            let flags = complete(command.words + ["-"])
            for flag in PodstackTool.program.flags(of: command) {
                #expect(flags.candidates.contains { $0.text == "--\(flag.name)" && $0.summary == flag.summary })
            }
        }
        #expect(texts("").first == "auth")
        #expect(!texts("").contains("__complete"))
    }

    @Test("a value is completed from its flag, after a space or an equals sign")
    func values() {
        let formats = ["table", "wide", "json", "yaml"]
        #expect(texts("auth", "whoami", "-o", "") == formats)
        #expect(texts("--output", "j") == formats)
        #expect(texts("auth", "whoami", "--output=j") == formats.map { "--output=\($0)" })
        #expect(texts("auth", "whoami", "--profile", "") == ["default", "my work"])
        #expect(texts("--profile=") == ["--profile=default", "--profile=my work"])
        #expect(texts("token", "create", "--scope", "").contains("projects:read"))
        #expect(
            complete("project", "get", "").candidates == [LineCompletion.Candidate(text: "prj_1", summary: "projects")])
        #expect(complete("--project=").candidates == [.init(text: "--project=prj_1", summary: "projects")])
        #expect(complete("token", "revoke", "").candidates == [.init(text: "prj_1", summary: "tokens")])
        #expect(complete("auth", "switch", "").candidates.map(\.text) == ["default", "my work"])
        #expect(texts("token", "create", "--name", "").isEmpty)
        #expect(texts("token", "create", "--grace", "").isEmpty)
        for flag in ["--token-file", "--env-file"] {
            #expect(complete("auth", "whoami", flag, "").wantsFiles)
            #expect(complete("auth", "whoami", "\(flag)=").wantsFiles)
        }
    }

    @Test("flags between words do not matter, and are not offered twice")
    func flags() {
        #expect(texts("--profile", "work", "auth", "-q", "").contains("whoami"))
        #expect(texts("auth", "--output=json", "-ojson", "").contains("whoami"))
        #expect(!texts("auth", "whoami", "-q", "--profile", "x", "-").contains("--profile"))
        #expect(!texts("auth", "whoami", "-q", "-").contains("--quiet"))
        #expect(texts("token", "create", "--scope", "x", "-").contains("--scope"))
        #expect(texts("token", "scan", "--", "-").isEmpty)
        #expect(complete("token", "scan", "--", "-").wantsFiles)
    }

    @Test("an argument is completed with files, words, or nothing")
    func arguments() {
        #expect(complete("token", "scan", "").wantsFiles)
        #expect(complete("token", "scan", "a", "-", "b").wantsFiles)
        #expect(complete("env", "").wantsFiles)
        #expect(texts("completion", "") == ["bash", "zsh", "fish"])
        #expect(texts("completion", "bash", "").isEmpty)
        #expect(texts("config", "set", "").prefix(3) == ["project_id", "api_endpoint", "credential_process"])
        #expect(texts("config", "set", "project_id", "").isEmpty)
        #expect(texts("config", "set-profile", "") == ["default", "my work"])
        #expect(texts("auth", "whoami", "").isEmpty)
        #expect(texts("no", "such", "").isEmpty)
        #expect(texts("help", "token", "").contains("scan"))
        #expect(!complete("help", "token", "scan", "").wantsFiles)
    }

    @Test("completion names the shells, and how to set up each of them")
    func command() async {
        let console = Console(environment: [:])
        #expect(
            await console.run("completion").error
                == "error: missing argument SHELL: bash, zsh or fish\nhint: podstack completion --help shows the usage\n"
        )
        #expect(await console.run("completion", "ksh").error == "error: SHELL must be one of bash, zsh, fish\n")
        #expect(await console.run("completion", "ksh").status == .usage)
        let help = await console.run("completion", "--help").output
        for shell in ["bash", "zsh", "fish"] { #expect(help.contains("podstack completion \(shell)")) }
        #expect(await !console.run("--help").output.contains("__complete"))
    }
}
