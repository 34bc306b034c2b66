import PodstackTestSupport
import Testing

#if canImport(Glibc)
    import Glibc
#endif

/// Runs the real program, because a test's own strings could not name these files.
@Suite("Paths that are not UTF-8, and paths that start with ~", .blocking, .timeLimit(.perTest))
struct PathTests {
    let folder: TemporaryDirectory

    init() throws { folder = try TemporaryDirectory() }

    /// Runs a script in the folder, in which `$1` is the program, `$a` and `$b` differ in one byte, and `$HOME` is `$a`.
    func run(
        _ script: String, environment: [String: String] = [:]
    ) throws -> (status: Int32, output: String, error: String) {
        let start =
            #"cd "$folder" && a="$folder/h$(printf '\377')" b="$folder/h$(printf '\376')" && mkdir -p "$a" "$b" "#
            + #"&& export HOME="$a"; "#
        return try ToolProcess.run(
            "/bin/sh", ["-c", start + script, "sh", ToolProcess.path(of: "podstack")],
            environment: ["folder": folder.path, "PATH": "/usr/bin:/bin"].merging(environment) { $1 })
    }

    @Test("two home directories that differ only in a byte that is not UTF-8 have two credentials files")
    func homes() throws {
        let run = try run(
            #"""
            "$1" config set project_id one && HOME=$b "$1" config set project_id two
            cat "$a/.podstack/credentials" "$b/.podstack/credentials"; ls -A | wc -l
            "$1" config get project_id; HOME=$b "$1" config get project_id
            """#)
        #expect(run.error == "")
        #expect(run.output == "[default]\nproject_id = one\n[default]\nproject_id = two\n2\none\ntwo\n")
    }

    @Test("a path is written unaltered to a pipe, and with escapes in JSON, YAML and messages")
    func output() throws {
        let raw = try run(#"[ "$("$1" config path)" = "$a/.podstack/credentials" ] && echo equal"#)
        #expect(raw.output == "equal\n")
        let path = folder.path + #"/h\xff/.podstack/credentials"#
        let escaped = folder.path + #"/h\\xff/.podstack/credentials"#
        #expect(try run(#""$1" config path -o json"#).output.contains("\"path\":\"\(escaped)\""))
        #expect(try run(#""$1" config path -o yaml"#).output == "path: \"\(escaped)\"\n")
        let missing = try run(#""$1" config get project_id"#)
        #expect(missing.error == "error: \(path): [default] has no project_id\n")
        let json = try run(
            #""$1" config get project_id -o json 2>&1 | python3 -c 'import json, sys; json.load(sys.stdin)'"#)
        #expect(json.status == 0, "\(json.error)")
        let none = try run(#""$1" auth whoami"#)
        #expect(none.error.contains("\(path) [default]"))
        let explained = try run(
            #"""
            mkdir -p "$a/.podstack"; printf '[default]\napi_token = x\n' >"$a/.podstack/credentials"
            chmod 600 "$a/.podstack/credentials"; "$1" config explain
            """#)
        #expect(explained.output.contains("\(path):2 [default]"))
        #expect(explained.error == "")
    }

    @Test("files that are named by arguments and variables are those that were meant")
    func arguments() throws {
        let files = #"printf from_a >"$a/t"; printf from_b >"$b/t"; printf 'PODSTACK_PROJECT=p1\n' >"$b/.env"; "#
        func value(_ script: String) throws -> String {
            let result = try run(files + script + " config explain -o json")
            return result.output + result.error
        }
        for (script, source) in [
            (#""$1" --token-file "$b/t""#, "argument"), (#""$1" --token-file="$b/t""#, "argument"),
            (#"PODSTACK_API_TOKEN_FILE="$b/t" "$1""#, "environment"),
        ] {
            let text = try value(script)
            #expect(text.contains("\"source\":\"\(source)\""), "\(text)")
        }
        #expect(try value(#"PODSTACK_API_TOKEN_FILE="$b/t" "$1""#).contains(#"h\\xfe/t"#))
        #expect(try value(#""$1" --env-file "$b/.env""#).contains(#"h\\xfe/.env:1"#))
        #expect(try run(files + #""$1" env "$b/.env""#).output == "PODSTACK_PROJECT=p1\n")
        let missing = try run(files + #"rm "$b/t"; "$1" auth whoami --token-file "$b/t""#)
        #expect(missing.error.contains(#"h\xfe/t does not exist"#))
    }

    @Test("an argument that is not a path must be UTF-8")
    func otherArguments() throws {
        let profile = try run(#""$1" config show --profile "$(printf 'p\377')""#)
        #expect(profile.status == 2)
        #expect(profile.error == "error: --profile is not valid UTF-8\n")
        let key = try run(#""$1" config set project_id "$(printf 'p\377')""#)
        #expect(key.status == 2)
        #expect(key.error == "error: VALUE is not valid UTF-8\n")
        let word = try run(#""$1" "$(printf 'p\377')""#)
        #expect(word.status == 2)
        #expect(word.error.hasPrefix(#"error: unknown command "p\xff""#))
    }

    @Test("the programs that supply tokens get their environment unaltered")
    func childEnvironment() throws {
        let result = try run(
            #"""
            mkdir -p "$a/.podstack"; cat >"$a/.podstack/credentials" <<'END'
            [default]
            api_endpoint = http://127.0.0.1:9
            credential_process = ~/helper ~/x
            END
            chmod 600 "$a/.podstack/credentials"
            printf '#!/bin/sh\n[ "$HOME" = "$EXPECTED" ] && [ "$1" = "$EXPECTED/x" ] && echo right >&2; exit 1\n' >"$a/helper"
            chmod 700 "$a/helper"; EXPECTED=$a "$1" auth whoami
            """#)
        #expect(result.error.contains("failed with status 1: right"), "\(result.error)")
    }

    @Test("found files and the history of a scan keep their names")
    func scan() throws {
        let result = try run(#"cp /dev/null "$b/empty"; "$1" token scan "$b" && "$1" token scan "$b/none""#)
        #expect(result.status == 2)
        #expect(result.error.contains(#"h\xfe/none cannot be read"#))
        #expect(result.error.contains("Found 0 tokens in 1 file"))
    }

    @Test("~ in a variable or a flag is the home directory, and no folder of that name is created")
    func tilde() throws {
        let result = try run(
            #"""
            PODSTACK_CREDENTIALS_FILE='~/c' "$1" config set project_id x && cat "$a/c"
            printf 'A=1\n' >"$a/e"; "$1" env '~/e'; "$1" --env-file='~/e' version >/dev/null && echo loaded
            printf t >"$a/t"; "$1" --token-file='~/t' config explain | grep -c -- --token
            ls -A | wc -l
            """#)
        #expect(result.output == "[default]\nproject_id = x\nA=1\nloaded\n1\n2\n", "\(result.error)")
    }

    @Test(
        "a relative home directory is refused, and nothing is written",
        arguments: ["config set project_id x", "config path", "auth login --token t", "auth whoami", "config explain"])
    func relativeHome(words: String) throws {
        let result = try run(#"HOME=h "$1" "# + words + "; echo $?; ls -A | wc -l")
        #expect(result.output.hasSuffix("1\n2\n"), "\(result.output)")
        #expect(result.error.contains("error: HOME is a relative path, so it is not a home directory\n"))
    }

    @Test("without HOME, the home directory is that of the user database")
    func noHome() throws {
        let home = try #require(getpwuid(getuid()).map { String(cString: $0.pointee.pw_dir) })
        for unset in ["unset HOME", "HOME="] {
            #expect(try run(unset + #"; "$1" config path"#).output == home + "/.podstack/credentials\n")
        }
    }

    @Test("the service refuses arguments that are not UTF-8")
    func server() throws {
        let server = try ToolProcess.path(of: "podstack-server")
        let result = try run(#""\#(server)" migrate --data "$b/data"; echo $?; ls -A "$folder" "$b""#)
        #expect(result.output.hasPrefix("2\n"))
        #expect(!result.output.contains("data"))
        #expect(result.error.contains("is not valid UTF-8"))
    }
}
