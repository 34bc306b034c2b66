import Podstack
import PodstackTestSupport
import Testing

@testable import PodstackCLI

@Suite("What completes a command line")
struct CompletionTests {
    func complete(_ words: String...) -> LineCompletion {
        LineCompletion(words, commands: Tool.commands) { ["default", "my work"] }
    }

    func texts(_ words: String...) -> [String] {
        LineCompletion(words, commands: Tool.commands) { ["default", "my work"] }.candidates.map(\.text)
    }

    @Test("every command is reached word by word, and every flag of it offered")
    func everything() {
        for command in Tool.commands where !command.isHidden {
            for (index, word) in command.words.enumerated() {
                let next = LineCompletion(Array(command.words[..<index]) + [""], commands: Tool.commands) { [] }
                #expect(next.candidates.contains { $0.text == word }, "\(command.name)")
            }
            let flags = LineCompletion(command.words + ["-"], commands: Tool.commands) { [] }
            for flag in command.flags + GlobalFlags.all {
                #expect(flags.candidates.contains { $0.text == "--\(flag.name)" && $0.summary == flag.summary })
            }
        }
        #expect(texts("").first == "auth")
        #expect(!texts("").contains("__complete"))
    }

    @Test("a value is what its flag takes, behind a space or a sign")
    func values() {
        let formats = ["table", "wide", "json", "yaml"]
        #expect(texts("auth", "whoami", "-o", "") == formats)
        #expect(texts("--output", "j") == formats)
        #expect(texts("auth", "whoami", "--output=j") == formats.map { "--output=\($0)" })
        #expect(texts("auth", "whoami", "--profile", "") == ["default", "my work"])
        #expect(texts("--profile=") == ["--profile=default", "--profile=my work"])
        #expect(texts("token", "create", "--scope", "").contains("projects:read"))
        #expect(texts("token", "create", "--name", "").isEmpty)
        #expect(texts("token", "create", "--grace", "").isEmpty)
        for flag in ["--token-file", "--env-file"] {
            #expect(complete("auth", "whoami", flag, "").wantsFiles)
            #expect(complete("auth", "whoami", "\(flag)=").wantsFiles)
        }
    }

    @Test("flags do not disturb the words around them, and are not offered twice")
    func flags() {
        #expect(texts("--profile", "work", "auth", "-q", "").contains("whoami"))
        #expect(texts("auth", "--output=json", "-ojson", "").contains("whoami"))
        #expect(!texts("auth", "whoami", "-q", "--profile", "x", "-").contains("--profile"))
        #expect(!texts("auth", "whoami", "-q", "-").contains("--quiet"))
        #expect(texts("token", "create", "--scope", "x", "-").contains("--scope"))
        #expect(texts("token", "scan", "--", "-").isEmpty)
        #expect(complete("token", "scan", "--", "-").wantsFiles)
    }

    @Test("an argument is a file, a word, or nothing that could be known")
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

    @Test("completion says which shells there are, and how each is set up")
    func command() async {
        let console = Console(environment: [:])
        #expect(await console.run("completion").error == "error: the shell, bash, zsh or fish, is missing\n")
        #expect(await console.run("completion", "ksh").error == "error: \"ksh\" is none of bash, zsh, fish\n")
        #expect(await console.run("completion", "ksh").status == .usage)
        let help = await console.run("completion", "--help").output
        for shell in ["bash", "zsh", "fish"] { #expect(help.contains("podstack completion \(shell)")) }
        #expect(await !console.run("--help").output.contains("__complete"))
    }
}
