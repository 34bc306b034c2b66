import Foundation
import Podstack
import PodstackAPI
import PodstackCommandLine
import PodstackSystem
import PodstackTestSupport
import Synchronization
import Testing

@testable import PodstackCLI

/// A repository in a temporary directory.
struct TestRepository {
    struct Failure: Error { var reason: String }

    let home: TemporaryDirectory
    let token = TestToken.generate(id: "abc12345")

    init() throws {
        home = try TemporaryDirectory()
        try run("git init -q -b main && git config user.name you && git config user.email you@example.com")
    }

    /// Runs a command line in the repository, with `podstack` in PATH.
    @discardableResult
    func attempt(
        _ words: String, environment: [String: String] = [:]
    ) throws -> (status: Int32, output: String, error: String) {
        let folder = URL(filePath: try ToolProcess.path(of: "podstack")).deletingLastPathComponent().path
        let base = [
            "HOME": home.path, "PATH": "\(folder):/usr/local/bin:/usr/bin:/bin", "GIT_CONFIG_NOSYSTEM": "1",
            "TOKEN": token,
        ]
        return try ToolProcess.run(
            "/bin/sh", ["-c", "cd \"$HOME\" && \(words)"], environment: base.merging(environment) { $1 })
    }

    /// Runs a command line that must succeed, and returns its output without the last newline.
    @discardableResult
    func run(_ words: String, environment: [String: String] = [:]) throws -> String {
        let result = try attempt(words, environment: environment)
        guard result.status == 0 else { throw Failure(reason: "\(words): \(result.output)\(result.error)") }
        return result.output.hasSuffix("\n") ? String(result.output.dropLast()) : result.output
    }

    func scan(_ words: String...) async -> Console.Outcome {
        await Console(environment: [:]).run(["token", "scan", "--git", home.path] + words)
    }
}

@Suite("podstack token scan --git", .blocking, .timeLimit(.perTest))
struct TokenScanGitTests {
    let repository: TestRepository
    var token: String { repository.token }

    init() throws { repository = try TestRepository() }

    @Test("a deleted token is found only in the history, and a message says how to search it")
    func history() async throws {
        try repository.run(
            "echo \"token = $TOKEN\" >file && git add . && git commit -qm add && git rm -q file && git commit -qm remove"
        )
        let commit = try repository.run("git rev-parse HEAD~1")
        let tree = await Console(environment: [:]).run("token", "scan", repository.home.path)
        #expect(tree.status == .success)
        #expect(
            tree.error.hasPrefix(
                "The history in \(repository.home.path)/.git was not searched: it is compressed. This command searches it:\n"
            ))
        let command = try #require(tree.error.split(separator: "\n").dropFirst().first?.dropFirst(2))
        let outcome = try repository.attempt(String(command))
        #expect(outcome.status == 1)
        #expect(outcome.output == "\(commit):file:1:9: podstack_abc12345…\n")
        #expect(outcome.error.contains("Found 1 token in 5 objects, "))
    }

    @Test("messages, merges, stashes, tags, notes, the index and what no branch contains are searched")
    func everything() async throws {
        let kinds: [(name: String, id: String, plant: String)] = [
            ("message", "00000001", "git commit -q --allow-empty -m \"see $T\""),
            (
                "merge", "00000002",
                "git checkout -qb side && git commit -q --allow-empty -m side && git checkout -q main && "
                    + "git merge -q --no-ff --no-commit side && echo \"$T\" >merged && git add merged && git commit -qm merge"
            ),
            ("stash", "00000003", "echo \"$T\" >tracked && git stash -q"),
            (
                "untracked stash", "00000004",
                "echo \"$T\" >untracked && git stash -q -u && git stash drop -q 'stash@{1}'"
            ),
            ("tag", "00000005", "git tag -a v1 -m \"$T\""),
            ("note", "00000006", "git notes add -m \"$T\" HEAD"),
            (
                "amended", "00000007",
                "echo \"$T\" >amended && git add . && git commit -qm a && rm amended && git commit -qa --amend --allow-empty -m b"
            ),
            (
                "unreachable", "00000008",
                "echo \"$T\" >gone && git add . && git commit -qm gone && git reset -q --hard HEAD~1 && "
                    + "git reflog expire --expire=now --all"
            ),
            ("blob", "00000009", "echo \"$T\" | git hash-object -w --stdin"),
            ("binary", "0000000b", "printf '\\0%s' \"$T\" >bin && git add . && git commit -qm bin"),
            (
                "text conversion", "0000000c",
                "echo '*.c diff=hide' >.gitattributes && git config diff.hide.textconv true && echo \"$T\" >x.c && git add . && git commit -qm c"
            ),
            ("name", "0000000d", "echo x >\"$T\" && git add . && git commit -qm name"),
            ("remote", "0000000e", "git remote add origin \"https://you:$T@example.com\""),
            ("compressed", "0000000f", "echo \"$T\" | gzip >x.gz && git add . && git commit -qm gz"),
            ("link", "0000000g", "ln -s \"$T\" link && git add . && git commit -qm link"),
            (
                "replaced", "0000000h",
                "echo \"$T\" >r && git add r && git commit -qm rpl && git replace HEAD:r \"$(echo | git hash-object -w --stdin)\""
            ),
            ("staged", "0000000a", "echo \"$T\" >staged && git add staged"),
        ]
        try repository.run("echo x >tracked && git add . && git commit -qm first")
        for kind in kinds {
            try repository.run(kind.plant, environment: ["T": TestToken.generate(id: kind.id)])
        }
        let before = try repository.run("git status --porcelain && git for-each-ref")
        let outcome = await repository.scan("--exclude", "nothing")
        #expect(outcome.status == .failure)
        let lines = outcome.output.split(separator: "\n").map(String.init)
        func line(_ id: String) -> String { lines.first { $0.contains("podstack_\(id)…") } ?? "" }
        for kind in kinds { #expect(!line(kind.id).isEmpty, "\(kind.name)") }
        func commit(_ revision: String) throws -> String { try repository.run("git rev-parse '\(revision)'") }
        #expect(line("00000001") == "\(try commit(":/see")):6:5: podstack_00000001… (commit message)")
        #expect(
            line("00000002") == "\(try repository.run("git rev-list --merges main")):merged:1:1: podstack_00000002…")
        #expect(line("00000003").contains(":tracked:1:1: "))
        #expect(line("00000004").contains(":untracked:1:1: "))
        #expect(line("00000005") == "\(try commit("v1^{tag}")):6:1: podstack_00000005… (message of tag v1)")
        #expect(line("00000006").contains("\(try commit("refs/notes/commits")):"))
        #expect(line("00000007").hasSuffix(":amended:1:1: podstack_00000007…"))
        #expect(line("00000008").hasSuffix(":gone:1:1: podstack_00000008…"))
        #expect(line("00000009").hasSuffix(":1:1: podstack_00000009… (object that no commit contains)"))
        #expect(line("0000000a") == "staged:1:1: podstack_0000000a… (staged)")
        #expect(line("0000000b") == "\(try commit(":/^bin")):bin:1:2: podstack_0000000b…")
        #expect(line("0000000d").hasSuffix(" (name of a file)"))
        #expect(line("0000000e").hasPrefix("\(repository.home.path)/.git/config:"))
        #expect(line("0000000f") == "\(try commit(":/^gz")):x.gz:1:1: podstack_0000000f…")
        #expect(line("0000000h") == "\(try commit(":/^rpl")):r:1:1: podstack_0000000h…")
        #expect(try repository.run("git status --porcelain && git for-each-ref") == before)
    }

    /// Makes copies of a repository whose history has a token, each of which lacks a part of it.
    func incompleteCopies() throws {
        try repository.run(
            """
            mkdir src && cd src && git init -q -b main && git config user.name you && git config user.email you@example.com &&
            git config uploadpack.allowFilter true && echo "$TOKEN" >f && echo x >g && git add . && git commit -qm add &&
            git rm -q f && git commit -qm remove && cd .. &&
            git clone -q --depth 1 "file://$PWD/src" shallow && git clone -q --filter=blob:none "file://$PWD/src" partial &&
            cp -r src damaged && object=$(git -C damaged rev-parse HEAD~1:f) &&
            rm -f "damaged/.git/objects/$(echo $object | cut -c1-2)/$(echo $object | cut -c3-)"
            """)
    }

    @Test("a token in the name of a branch is found, packed or not")
    func branchNames() async throws {
        try repository.run("git commit -q --allow-empty -m x && git branch \"feature/$TOKEN\"")
        let unpacked = await repository.scan("-q")
        #expect(unpacked.status == .failure)
        #expect(
            unpacked.output.contains(
                "/.git/refs/heads/feature/podstack_abc12345…:1:1: podstack_abc12345… (name of a file)"),
            "\(unpacked.output)")
        try repository.run("git pack-refs --all")
        #expect(await repository.scan("-q").output.contains("/.git/packed-refs:"))
    }

    @Test("a history that is not complete is reported, with the status of what cannot be read")
    func incomplete() async throws {
        try incompleteCopies()
        let complete = await Console(environment: [:]).run("token", "scan", "--git", repository.home.file("src"))
        #expect(complete.status == .failure)
        #expect(!complete.error.contains("warning"), "\(complete.error)")
        for (name, text) in [
            ("shallow", "warning: the rest of the history cannot be read: the repository is a shallow clone"),
            ("partial", "cannot be read: the repository does not contain it; git fetch --refetch --no-filter"),
            ("damaged", "cannot be read: the repository does not contain it"),
        ] {
            let outcome = await Console(environment: [:]).run("token", "scan", "--git", repository.home.file(name))
            #expect(outcome.status == .usage, "\(name)")
            #expect(outcome.output.isEmpty)
            #expect(outcome.error.contains(text), "\(name): \(outcome.error)")
            let json = await Console(environment: [:]).run(
                "token", "scan", "--git", repository.home.file(name), "-o", "json")
            #expect(!json.output.contains("\"unreadable\":[]"))
        }
    }

    @Test("paths that are not UTF-8 are found, searched and shown as they are")
    func bytes() async throws {
        try repository.run(
            """
            folder=$(printf 'b\\377') && mkdir "$folder" && cd "$folder" && git init -q -b main &&
            echo "$TOKEN" >"$(printf 'f\\376')" && git add .
            """)
        let folder = FilePath(repository.home.path).appending([UInt8(ascii: "b"), 0xFF])
        for flag in ["--git", "--staged"] {
            let outcome = await Console(environment: [:]).run("token", "scan", flag, folder.text)
            #expect(outcome.status == .failure, "\(outcome.error)")
            #expect(outcome.output.contains(#"f\xfe:1:1: podstack_abc12345…"#), "\(outcome.output)")
        }
        let missing = await Console(environment: [:]).run("token", "scan", "--git", folder.appending([0xFD]).text)
        #expect(missing.error.contains(#"b\xff/\xfd"#), "\(missing.error)")
    }

    @Test(
        "a pipe in the place of a file of the repository is an error at once",
        arguments: ["HEAD", "config", "refs/heads/x"])
    func pipes(name: String) async throws {
        try repository.run("git commit -q --allow-empty -m x && rm -f .git/\(name) && mkfifo .git/\(name)")
        for flag in ["--git", "--staged"] {
            let outcome = await Console(environment: [:]).run("token", "scan", flag, repository.home.path)
            #expect(outcome.status == .failure)
            #expect(outcome.error.contains(".git/\(name) is a pipe or a device, for which git would wait"))
        }
    }

    @Test("after two seconds a message says that git is waited for, and a short command of git has a time limit")
    func waiting() async throws {
        try repository.run("mkfifo '\(repository.home.file("pipe"))' && git config include.path ../pipe")
        let waits = Mutex<[String]>([])
        var work = BlockingWork()
        work.limit = .milliseconds(2500)
        work.onWait = { what in waits.withLock { $0.append(what) } }
        let git = GitProgram(in: repository.home.path, PodstackEnvironment([:]), isInHook: false)
        BlockingWork.$current.withValue(work) {
            let error = #expect(throws: CommandError.self) { try git.output("rev-parse", "HEAD") }
            #expect(error?.message.contains("it did not end in time") == true)
        }
        #expect(waits.withLock { $0 } == ["git"])
    }

    @Test("a file is reported with its first commit and path, and its later versions are counted")
    func firstCommit() async throws {
        try repository.run("echo \"$TOKEN\" >a && git add . && git commit -qm 1 && echo 2 >>a && git commit -qam 2")
        try repository.run("git mv a 'b\nc' && git commit -qm 3 && echo 3 >>'b\nc' && git commit -qam 4")
        let outcome = await repository.scan("-q")
        let commits = try repository.run("git rev-list --reverse HEAD").split(separator: "\n")
        #expect(
            outcome.output == """
                \(commits[0]):a:1:1: podstack_abc12345… (and in 1 later version)
                \(commits[2]):b?c:1:1: podstack_abc12345… (and in 1 later version)

                """)
        let json = await repository.scan("-q", "-o", "json")
        let value = try APICoding.decode(JSONValue.self, from: Array(json.output.utf8))
        guard case .object(let document) = value, case .array(let findings)? = document["findings"],
            case .object(let first)? = findings.first
        else {
            Issue.record("\(value)")
            return
        }
        #expect(first["commit"] == .string(String(commits[0])))
        #expect(first["path"] == .string("a"))
        #expect(first["object_type"] == .string("blob"))
        #expect(first["later_versions"] == .integer(1))
        #expect(first["object"] == .string(try repository.run("git rev-parse \(commits[0]):a")))
    }

    @Test("a file with the same content at several paths is reported at each")
    func copies() async throws {
        try repository.run(
            "mkdir x && echo \"$TOKEN\" >b && git add . && git commit -qm 1 && cp b a && cp b x/c && git add . && git commit -qm 2"
        )
        let commits = try repository.run("git rev-list --reverse HEAD").split(separator: "\n")
        let paths = ["\(commits[0]):b", "\(commits[1]):a", "\(commits[1]):x/c"]
        let outcome = await repository.scan("-q")
        #expect(outcome.output == paths.map { "\($0):1:1: podstack_abc12345…\n" }.joined())
    }

    @Test("--exclude skips paths in every commit, but not a file that is elsewhere too")
    func excluded() async throws {
        try repository.run("mkdir test && echo \"$TOKEN\" >test/a && git add . && git commit -qm 1")
        #expect(await repository.scan("-q", "--exclude", "test/").status == .success)
        try repository.run("cp test/a b && git add . && git commit -qm 2")
        let outcome = await repository.scan("-q", "--exclude", "test/")
        #expect(outcome.output == "\(try repository.run("git rev-parse HEAD")):b:1:1: podstack_abc12345…\n")
    }

    @Test("packed, bare, linked and SHA-256 repositories, and a directory below the root, are searched")
    func layouts() async throws {
        try repository.run("mkdir sub && echo \"$TOKEN\" >sub/a && git add . && git commit -qm 1 && git gc -q")
        try repository.run("git clone -q --bare . ../$(basename $PWD)-bare && mv ../$(basename $PWD)-bare bare.git")
        try repository.run("git worktree add -q linked")
        try repository.run(
            "git init -q --object-format=sha256 other && cd other && git config user.name a && git config user.email b && "
                + "echo \"$TOKEN\" >sub && git add . && git commit -qm 1")
        for folder in [".", "sub", "bare.git", ".git", "linked", "other"] {
            let outcome = await Console(environment: [:]).run(
                "token", "scan", "-q", "--git", repository.home.file(folder))
            #expect(outcome.status == .failure, "\(folder): \(outcome.error)")
            #expect(outcome.output.contains("sub"), "\(folder)")
            #expect(outcome.output.split(separator: "\n").count == 1, "\(folder): \(outcome.output)")
        }
    }

    @Test("nothing that a repository configures is run, and the variables of Git have no effect")
    func hostile() async throws {
        try repository.run("echo \"$TOKEN\" >a && git add . && git commit -qm 1")
        let trap = try repository.home.writeProgram("echo ran >>'\(repository.home.path)/ran'; cat", to: "trap")
        for setting in [
            "core.fsmonitor \(trap)", "core.pager \(trap)", "pager.cat-file \(trap)", "diff.external \(trap)",
            "core.sshCommand \(trap)", "core.hooksPath \(repository.home.path)/hooks",
            "core.alternateRefsCommand \(trap)",
            "diff.x.textconv \(trap)", "filter.x.clean \(trap)", "filter.x.process \(trap)", "gpg.program \(trap)",
            "log.showSignature true", "alias.cat-file '!\(trap)'", "alias.rev-list '!\(trap)'", "core.editor \(trap)",
            "credential.helper '!\(trap)'", "remote.origin.promisor true", "remote.origin.url 'ext::\(trap)'",
            "protocol.ext.allow always", "core.repositoryformatversion 1", "extensions.partialClone origin",
            "uploadpack.packObjectsHook \(trap)",
        ] { try repository.run("git config --add \(setting)") }
        try repository.run("echo '* diff=x filter=x' >.git/info/attributes")
        // An object that a partial clone would fetch.
        let object = try repository.run("git rev-parse HEAD:a")
        try repository.run(
            "echo other >b && git -c core.fsmonitor=false -c filter.x.clean=cat -c filter.x.process= hash-object -w b; rm -f ran"
        )
        let other = String(repeating: "1", count: 40)
        let directory = URL(filePath: #filePath).appending(path: "../../..").standardized.path
        let environment = [
            "GIT_DIR": "\(directory)/.git", "GIT_EXTERNAL_DIFF": trap, "GIT_PAGER": trap, "GIT_SSH_COMMAND": trap,
            "GIT_OBJECT_DIRECTORY": "/nonexistent", "GIT_CONFIG_COUNT": "1", "GIT_CONFIG_KEY_0": "core.fsmonitor",
            "GIT_CONFIG_VALUE_0": trap, "GIT_TRACE": "1", "GIT_EXEC_PATH": "/nonexistent", "GIT_REPLACE_REF_BASE": "x",
        ]
        let outcome = try repository.attempt("podstack token scan -q --git .", environment: environment)
        #expect(outcome.output.contains(":a:1:1: podstack_abc12345…"), "\(outcome.error)")
        #expect(repository.home.read("ran") == nil)
        #expect(outcome.status == 1)
        // The commit whose file is missing is read too.
        try repository.run("rm -f .git/objects/\(object.prefix(2))/\(object.dropFirst(2))")
        try repository.run(
            "git update-ref refs/heads/x HEAD; printf '100644 blob \(other)\\tz\\n' | git mktree --missing; rm -f ran")
        _ = try repository.attempt("podstack token scan -q --git .", environment: environment)
        #expect(repository.home.read("ran") == nil)
    }

    @Test("a damaged object is reported, and is not taken for a clean repository")
    func damaged() async throws {
        try repository.run("echo x >a && git add . && git commit -qm 1 && chmod -R u+w .git/objects")
        let object = try repository.run("git rev-parse HEAD:a")
        try repository.run("echo damage >.git/objects/\(object.prefix(2))/\(object.dropFirst(2))")
        let outcome = await repository.scan("-q")
        #expect(outcome.status == .usage)
        #expect(outcome.error.contains("cannot be read: "))
    }

    @Test("a directory that is not a repository, and one of another user, are errors that say what to do")
    func refused() async throws {
        let other = try TemporaryDirectory()
        let none = await Console(environment: ["HOME": other.path]).run("token", "scan", "--git", other.path)
        #expect(none.status == .failure)
        #expect(none.error == "error: \(other.path) is not in a Git repository\n")
        let missing = await Console(environment: [:]).run("token", "scan", "--git", other.file("gone"))
        #expect(missing.error.hasPrefix("error: git failed: fatal: cannot change to '\(other.path)/gone'"))
        guard geteuid() == 0 else { return }
        try repository.run("chown -R 12345 .")
        let refused = await Console(environment: ["HOME": other.path]).run(
            "token", "scan", "--git", repository.home.path)
        #expect(
            refused.error == """
                error: git does not read \(repository.home.path), because another user owns it
                hint: If you trust it: git config --global --add safe.directory \(repository.home.path)

                """, "\(refused.error)")
    }

    @Test("the arguments of --git and --staged are checked")
    func usage() async throws {
        for words in [["--git", "--staged"], ["--git", "a", "b"], ["--staged", "-"]] {
            #expect(await Console(environment: [:]).run(["token", "scan"] + words).status == .usage)
        }
    }

    @Test("without git, the error says so")
    func noGit() throws {
        let tool = try ToolProcess.path(of: "podstack")
        let outcome = try ToolProcess.run(tool, ["token", "scan", "--git"], environment: ["PATH": "/nonexistent"])
        #expect(outcome.error == "error: git is not installed, which --git and --staged need\nhint: Install git\n")
    }

    @Test(
        "a large repository is searched in little memory",
        .disabled(
            if: ProcessInfo.processInfo.environment["TSAN_OPTIONS"] != nil,
            "the thread sanitizer takes more for itself"))
    func memory() throws {
        // Random bytes are stored as they are; the second file is one that Git compresses well.
        try repository.run(
            "head -c 20M /dev/urandom >random && echo \"$TOKEN\" >>random && yes | head -c 120M >yes && echo \"$TOKEN\" >>yes && "
                + "git -c core.compression=1 add . && git commit -qm large && rm random yes")
        let outcome = try repository.attempt("ulimit -v 200000; podstack token scan --git -q")
        let found = outcome.output.split(separator: "\n").map { $0.dropFirst(41) }
        #expect(Set(found.map { $0.prefix(6) }) == ["random", "yes:62"], "\(outcome)")
    }

    @Test("progress shows the share of the objects")
    func progress() async throws {
        let counts = ScanCounts()
        #expect(counts.progress() == "Searched 0 files, 0 bytes")
        counts.expect(objects: 200)
        for _ in 0..<50 { counts.addObject() }
        counts.add(bytes: 1500)
        #expect(counts.progress() == "Searched [#####...............] 25% of 200 objects, 1.5 kB")
        for _ in 0..<200 { counts.addObject() }
        #expect(counts.progress().hasPrefix("Searched [####################] 100% of 200 objects"))
    }
}

@Suite("The hooks of the guide", .blocking, .timeLimit(.perTest))
struct TokenScanHookTests {
    let repository: TestRepository

    init() throws {
        repository = try TestRepository()
        try installHooks()
    }

    /// Installs the hooks of the guide.
    func installHooks() throws {
        let guide = URL(filePath: #filePath).appending(
            path: "../../../Sources/Podstack/Podstack.docc/Authentication.md")
        let text = try String(contentsOf: guide.standardized, encoding: .utf8)
        let scripts = text.components(separatedBy: "```sh\n#!/bin/sh\n").dropFirst().map {
            $0.components(separatedBy: "```")[0]
        }
        try #require(scripts.count == 2)
        _ = try repository.home.writeProgram(scripts[0], to: ".git/hooks/pre-commit")
        _ = try repository.home.writeProgram(scripts[0], to: ".git/hooks/pre-merge-commit")
        _ = try repository.home.writeProgram(scripts[1], to: ".git/hooks/commit-msg")
    }

    /// Expects that a command line makes no commit because of a token.
    func expectRefused(_ words: String, sourceLocation: SourceLocation = #_sourceLocation) throws {
        let before = try repository.attempt("git rev-parse -q --verify HEAD").output
        let result = try repository.attempt(words)
        #expect(result.status != 0, sourceLocation: sourceLocation)
        let text = result.output + result.error
        #expect(text.contains("podstack_abc12345…"), "\(text)", sourceLocation: sourceLocation)
        #expect(text.contains("Commit rejected: "), sourceLocation: sourceLocation)
        #expect(!text.contains(repository.token), sourceLocation: sourceLocation)
        #expect(
            try repository.attempt("git rev-parse -q --verify HEAD").output == before, sourceLocation: sourceLocation)
    }

    @Test("the first commit is searched")
    func firstCommit() throws {
        try repository.run("echo \"$TOKEN\" >a && git add a")
        try expectRefused("git commit -qm first")
        try repository.run("echo none >a && git add a && git commit -qm first")
    }

    @Test(
        "every way to stage a file is searched",
        arguments: [
            "echo \"$TOKEN\" >file && git add file && git commit -qm x",
            "echo \"$TOKEN\" >file && git commit -qam x",
            "echo \"$TOKEN\" >file && git commit -qm x file",
            "echo \"$TOKEN\" >file && git commit -qm x --only file",
            "echo \"$TOKEN\" >file && echo y >other && git add other && git commit -qm x -i file",
            // Only the staged version is committed.
            "echo \"$TOKEN\" >file && git add file && echo none >file && git commit -qm x",
            "printf '\\0\\1%s' \"$TOKEN\" >bin && git add bin && git commit -qm x",
            "echo \"$TOKEN\" | iconv -t UTF-16LE >wide && git add wide && git commit -qm x",
            "echo \"$TOKEN\" | gzip >x.gz && git add x.gz && git commit -qm x",
            "git mv file renamed && echo \"$TOKEN\" >>renamed && git add renamed && git commit -qm x",
            "N=$(printf 'a\\n\"b\\t\\303\\050') && echo \"$TOKEN\" >\"$N\" && git add -A && git commit -qm x",
            "echo \"$TOKEN\" >'-- x' && git add -A && git commit -qm x",
            "echo \"$TOKEN\" >':(exclude)x' && git --literal-pathspecs add -A && git commit -qm x",
            "ln -s \"$TOKEN\" link && git add -A && git commit -qm x",
            "echo '* -diff binary' >.gitattributes && echo \"$TOKEN\" >file && git add -A && git commit -qm x",
            "echo \"$TOKEN\" >file && git add file && git commit -q --amend -m x",
            "mkdir -p d && cd d && echo \"$TOKEN\" >x && git add x && git commit -qm x",
            "git worktree add -q ../\"$(basename $PWD)\"-w && cd ../\"$(basename $PWD)\"-w && echo \"$TOKEN\" >x && git add x && "
                + "{ git commit -qm x; S=$?; cd \"$HOME\"; git worktree remove --force ../\"$(basename $PWD)\"-w; exit $S; }",
            "git config diff.external true && git config diff.noprefix true && git config diff.renames copies && "
                + "git config color.ui always && echo \"$TOKEN\" >>file && git commit -qam x",
            "echo \"$TOKEN\" >x && git add -N x && git commit -qam x",
            "GIT_INDEX_FILE=.git/other-index sh -c 'echo \"$TOKEN\" >x; git add x file; git commit -qm x'",
        ])
    func staged(words: String) throws {
        try repository.run("echo none >file && git add file && git commit -qm first")
        try expectRefused(words)
    }

    @Test("messages are searched, however they are given")
    func messages() throws {
        try repository.run("echo none >file && git add file && git commit -qm first")
        try expectRefused("git commit -q --allow-empty -m \"see $TOKEN\"")
        try expectRefused("git commit -q --allow-empty -m title -m \"$TOKEN\"")
        try expectRefused("echo \"$TOKEN\" | git commit -q --allow-empty -F -")
        try expectRefused("git commit -q --amend -m \"$TOKEN\"")
    }

    @Test("merges are searched, with and without conflicts")
    func merges() throws {
        try repository.run(
            "echo none >file && git add file && git commit -qm first && git checkout -qb side && echo \"$TOKEN\" >x && "
                + "git add x && git commit -qm x --no-verify && git checkout -q main && echo y >y && git add y && git commit -qm y"
        )
        try expectRefused("git merge -q --no-edit side")
        try repository.run("git merge --abort 2>/dev/null || git reset -q --hard")
        try expectRefused("git merge -q --no-commit --no-ff side && git commit -qm merge")
        try repository.run("git merge --abort; git rm -q file && git commit -qm removed && git checkout -q side")
        try repository.run("echo changed >file && git commit -qam changed --no-verify && git checkout -q main")
        try expectRefused("git merge -q side; git add -A; git commit -qm merge")
    }

    @Test("a commit that removes, moves or keeps a token that is already there is accepted")
    func accepted() throws {
        try repository.run("echo \"$TOKEN\" >a && echo none >b && git add . && git commit -qm leaked --no-verify")
        try repository.run("git mv a c && git commit -qm moved")
        try repository.run("echo more >>c && git commit -qam more")
        try repository.run("git commit -q --allow-empty -m empty")
        try repository.run("git rm -q c && git commit -qvm removed", environment: ["GIT_EDITOR": "true"])
        // The message that an editor gets shows the removed token below the scissors.
        try repository.run(
            "echo \"$TOKEN\" >a && git add . && git commit -qm leaked --no-verify && git rm -q a && git commit -v",
            environment: ["GIT_EDITOR": "sh -c 'echo removed >\"$0.x\"; cat \"$0\" >>\"$0.x\"; mv \"$0.x\" \"$0\"'"])
        #expect(try repository.run("git log -1 --format=%s") == "removed")
        #expect(try repository.run("git status --porcelain").isEmpty)
    }

    @Test("submodules have no content to search, and do not hide other files")
    func submodules() throws {
        try repository.run(
            "git init -q library && cd library && git config user.name a && git config user.email b && "
                + "git commit -q --allow-empty -m x && cd .. && git config --global protocol.file.allow always && "
                + "git -c advice.addEmbeddedRepo=false add library && git commit -qm module")
        try repository.run(
            "cd library && git commit -q --allow-empty -m y && cd .. && git config diff.ignoreSubmodules all")
        try expectRefused("echo \"$TOKEN\" >zzz && git add zzz library && git commit -qm x")
        try repository.run(
            "git rm -qf --cached zzz && git config diff.ignoreSubmodules none && git add library && git commit -qm update"
        )
    }

    @Test("--staged names the files, honors --exclude, and needs no hook")
    func staged() async throws {
        try repository.run("mkdir test && echo \"$TOKEN\" >test/a && echo \"x $TOKEN\" >b && git add .")
        let console = Console(environment: [:])
        let all = await console.run("token", "scan", "--staged", repository.home.path)
        #expect(all.status == .failure)
        #expect(all.output == "b:1:3: podstack_abc12345…\ntest/a:1:1: podstack_abc12345…\n")
        #expect(all.error.hasPrefix("Found 2 tokens in 2 objects, "))
        let some = await console.run("token", "scan", "--staged", repository.home.path, "--exclude", "test/", "-q")
        #expect(some.output == "b:1:3: podstack_abc12345…\n")
    }
}

@Suite("podstack token scan --report", .blocking, .timeLimit(.perTest))
struct TokenScanReportTests: ServerSuite {
    let session: ServerSession

    init() throws { session = try ServerSession(hasToken: false) }

    func whoami(_ token: String) async -> Console.Outcome {
        await console.run("auth", "whoami", environment: ["PODSTACK_API_TOKEN": token])
    }

    @Test("reported tokens are revoked, without a token of one's own, and the output says which")
    func revoked() async throws {
        let (first, second, kept) = (try server.createToken(), try server.createToken(), try server.createToken())
        let foreign = TestToken.generate(id: "abc12345")
        _ = try home.write("\(first)\n\(second)\n\(first)\n\(foreign)\n", to: "file")
        let outcome = await console.run("token", "scan", "--report", home.file("file"))
        #expect(outcome.status == .failure)
        #expect(outcome.output.split(separator: "\n").count == 4)
        let endpoint = console.environment["PODSTACK_API_ENDPOINT"] ?? ""
        for token in [first, second, foreign] {
            let line = "Reported \(token.prefix(17))… to \(endpoint)\n"
            #expect(outcome.error.components(separatedBy: line).count == 2)
            #expect(!(outcome.output + outcome.error).contains(token))
        }
        #expect(outcome.error.contains("\nEvery reported token that was valid there is now revoked\n"))
        for token in [first, second] {
            let refused = await whoami(token)
            #expect(refused.status == .notAuthenticated)
            #expect(refused.error.contains("revoked"))
        }
        #expect(await whoami(kept).status == .success)
    }

    @Test("JSON lists the reported tokens")
    func json() async throws {
        let token = try server.createToken()
        _ = try home.write(token, to: "file")
        let outcome = await console.run("token", "scan", "--report", home.file("file"), "-o", "json", "-q")
        let value = try APICoding.decode(JSONValue.self, from: Array(outcome.output.utf8))
        guard case .object(let document) = value else {
            Issue.record("\(value)")
            return
        }
        #expect(document["reported"] == .array([.string("\(token.prefix(17))…")]))
        #expect(await whoami(token).status == .notAuthenticated)
    }

    @Test("on a terminal the report is confirmed, and nothing is sent without findings")
    func confirmation() async throws {
        let token = try server.createToken()
        _ = try home.write(token, to: "file")
        var asking = console
        asking.reply = "no"
        let refused = await asking.run("token", "scan", "--report", home.file("file"))
        #expect(refused.status == .failure)
        #expect(refused.error.contains("Report 1 token to "))
        #expect(await whoami(token).status == .success)
        #expect(await asking.run("token", "scan", "--report", "--yes", home.file("file")).error.contains("Reported "))
        #expect(await whoami(token).status == .notAuthenticated)
        _ = try home.write("none", to: "file")
        let endpoint = ["PODSTACK_API_ENDPOINT": "http://127.0.0.1:1"]
        #expect(
            await console.run(["token", "scan", "--report", home.file("file")], environment: endpoint).status
                == .success)
    }

    @Test("a report that fails is an error, after the findings")
    func failure() async throws {
        _ = try home.write(TestToken.generate(id: "abc12345"), to: "file")
        let endpoint = ["PODSTACK_API_ENDPOINT": "http://127.0.0.1:1"]
        let outcome = await console.run(["token", "scan", "--report", home.file("file")], environment: endpoint)
        #expect(outcome.status == .unreachable)
        #expect(outcome.output.contains(":1:1: podstack_abc12345…"))
        #expect(!outcome.error.contains("Reported"))
    }
}
