import Foundation
import Podstack
import PodstackAPI
import PodstackTestSupport
import Synchronization
import Testing

@testable import PodstackCLI

#if canImport(Glibc)
    import Glibc
#endif

@Suite("podstack token scan and archives", .blocking, .timeLimit(.perTest))
struct TokenScanArchiveTests {
    let home: TemporaryDirectory
    let token = TestToken.generate(id: "abc12345")

    init() throws { home = try TemporaryDirectory() }

    /// Runs a Python program in the directory, with the token in `token` and as bytes in `secret`.
    func python(_ program: String) throws {
        let start = """
            import bz2, gzip, io, lzma, os, sys, tarfile, zipfile
            os.chdir(sys.argv[1]); token = sys.argv[2]; secret = ("one\\ntwo " + token).encode()
            def zipped(members, **options):
                out = io.BytesIO()
                with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED, **options) as archive:
                    for name, content in members: archive.writestr(name, content)
                return out.getvalue()
            def tarred(members, mode="w"):
                out = io.BytesIO()
                with tarfile.open(fileobj=out, mode=mode) as archive:
                    for name, content in members:
                        member = tarfile.TarInfo(name); member.size = len(content)
                        archive.addfile(member, io.BytesIO(content))
                return out.getvalue()
            def save(name, content):
                with open(name, "wb") as file: file.write(content)

            """
        let run = try ToolProcess.run("/usr/bin/python3", ["-c", start + program, home.path, token])
        #expect(run.status == 0, "\(run.error)")
    }

    func scan(_ words: String...) async -> Console.Outcome {
        await Console(environment: [:]).run(["token", "scan"] + words)
    }

    func lines(_ lines: String...) -> String { lines.map { "\(home.path)/\($0): podstack_abc12345…\n" }.joined() }

    @Test("compressed files are searched inside, whatever their names are")
    func compressed() async throws {
        try python(
            """
            save("a.gz", gzip.compress(secret)); save("b", bz2.compress(secret)); save("c.xz", lzma.compress(secret))
            save("d.lzma", lzma.compress(secret, format=lzma.FORMAT_ALONE))
            save("e.log.1.gz", gzip.compress(b"first") + gzip.compress(b"\\n" + token.encode()))
            save("f.gz", gzip.compress(gzip.compress(secret)))
            save("zeros.gz", gzip.compress(bytes(2048) + secret))
            """)
        let zstd = try ToolProcess.run("/bin/sh", ["-c", "cd '\(home.path)' && printf %s '\(token)' | zstd -q >g.zst"])
        #expect(zstd.status == 0)
        let outcome = await scan(home.path, "-q")
        #expect(outcome.error.isEmpty)
        #expect(
            outcome.output
                == lines(
                    "a.gz:2:5", "b:2:5", "c.xz:2:5", "d.lzma:2:5", "e.log.1.gz:2:1", "f.gz:2:5", "g.zst:1:1",
                    "zeros.gz:2:5"))
    }

    @Test("archives are searched inside, and report the member")
    func archives() async throws {
        try python(
            """
            save("a.jar", zipped([("x/y.txt", secret), ("none", b"nothing")]))
            save("b.tar", tarred([("x/y.txt", secret)])); save("c.tar.gz", tarred([("x/y.txt", secret)], "w:gz"))
            save("d.tar.xz", tarred([("x/y.txt", secret)], "w:xz")); save("e.tbz2", tarred([("./y", secret)], "w:bz2"))
            save("f.zip", zipped([("ü", secret)]))
            # A program that unpacks itself, and an archive with a comment.
            save("g.pyz", b"#!/usr/bin/env python3\\n" + zipped([("main.py", secret)]))
            out = io.BytesIO(zipped([("none", b"")]))
            with zipfile.ZipFile(out, "a") as archive: archive.comment = token.encode()
            save("h.zip", out.getvalue())
            save("i.a", b"!<arch>\\n" + b"%-16s%-12d%-6d%-6d%-8s%-10d`\\n" % (b"m/", 0, 0, 0, b"644", len(secret)) + secret)
            """)
        let outcome = await scan(home.path, "-q")
        #expect(outcome.error.isEmpty)
        let found = outcome.output.split(separator: "\n").filter { !$0.contains("/h.zip:") }
        #expect(
            found.map { $0 + "\n" }.joined()
                == lines(
                    "a.jar!x/y.txt:2:5", "b.tar!x/y.txt:2:5", "c.tar.gz!x/y.txt:2:5", "d.tar.xz!x/y.txt:2:5",
                    "e.tbz2!./y:2:5", "f.zip!ü:2:5", "g.pyz!main.py:2:5", "i.a!m:2:5"))
        #expect(outcome.output.contains("/h.zip:1:"))
    }

    @Test("archives in archives are searched up to a depth")
    func nested() async throws {
        try python(
            """
            content = secret
            for level in range(3): content = zipped([("inner%d" % level, content)])
            save("three.zip", tarred([("a/b.zip", content)], "w:gz"))
            for level in range(14): content = zipped([("deep", content)])
            save("deep.zip", content)
            """)
        let outcome = await scan(home.path, "-q")
        #expect(outcome.output == lines("three.zip!a/b.zip!inner2!inner1!inner0:2:5"))
        #expect(outcome.error.contains("cannot be read: more than 16 archives contain each other here\n"))
        #expect(outcome.error.split(separator: "\n").count == 1)
    }

    @Test("standard input is searched inside too")
    func standardInput() throws {
        try python("save('a.tgz', tarred([('x', secret)], 'w:gz')); save('b.zip', zipped([('x', secret)]))")
        let tool = try ToolProcess.path(of: "podstack")
        for file in ["a.tgz", "b.zip"] {
            let outcome = try ToolProcess.run(
                "/bin/sh", ["-c", "cat '\(home.file(file))' | \(tool) token scan -q -"],
                environment: ["PATH": "/usr/bin:/bin"])
            #expect(outcome.output == "-!x:2:5: podstack_abc12345…\n", "\(outcome.error)")
        }
    }

    @Test("what a damaged or encrypted archive hides is reported, and everything else is searched")
    func damaged() async throws {
        try python(
            """
            save("cut.gz", gzip.compress(os.urandom(100000))[:50000])
            archive = bytearray(zipped([("locked", b"a secret that is locked"), ("open", secret)]))
            archive[6] |= 1; save("locked.zip", archive)
            save("text", b"BZh is not compressed " + token.encode())
            """)
        let outcome = await scan(home.path)
        #expect(outcome.status == .failure)
        #expect(outcome.output.contains("/text:1:23: "))
        #expect(outcome.error.contains("warning: \(home.path)/cut.gz cannot be read: "))
        #expect(outcome.error.contains("warning: \(home.path)/locked.zip"))
        #expect(await scan(home.file("cut.gz"), "-q").status == .usage)
        #expect(await scan(home.file("cut.gz"), "-q", "--no-archives").status == .success)
    }

    @Test("an archive that expands without end is given up, after the bytes that its size allows")
    func bomb() throws {
        // Each level of 20 members multiplies the size.
        try python(
            """
            content = gzip.compress(bytes(1_000_000))
            for level in range(3): content = zipped([("%d.gz" % n, content) for n in range(20)])
            save("bomb.zip", content)
            """)
        let file = open(home.file("bomb.zip"), O_RDONLY)
        defer { close(file) }
        let size = Int(lseek(file, 0, SEEK_END))
        #expect(lseek(file, 0, SEEK_SET) == 0)
        let counts = ScanCounts()
        var content = ContentScan(ArchiveSupport(floor: 2_000_000), counts)
        var reasons: [String] = []
        content.run(descriptor: file) { if case .unreadable(_, let reason) = $0 { reasons.append(reason) } }
        #expect(reasons == ["it expands to more than 2.0 MB and 64 times its size; the rest was not searched"])
        #expect(counts.bytes < 3_000_000 + 65 * size)
        #expect(counts.bytes > 1_000_000)
    }

    @Test("without libarchive, one warning says what to install, and --no-archives needs none")
    func missing() async throws {
        try python("save('a.gz', gzip.compress(secret)); save('b.gz', gzip.compress(secret)); save('c', secret)")
        let streams = Console.Streams()
        var context = streams.context(environment: [:])
        context.archiveLibrary = "libmissing.so.1"
        #expect(await PodstackTool.run(["token", "scan", home.path], context: context) == .failure)
        #expect(streams.output.withLock { $0 } == lines("c:2:5"))
        #expect(
            streams.error.withLock { $0 }.hasPrefix(
                """
                warning: \(home.path)/a.gz was not searched inside: it is compressed, and libarchive is not installed; \
                install libarchive13, or use --no-archives
                Found 1 token in 1 file, 
                """))
        streams.error.withLock { $0 = "" }
        #expect(await PodstackTool.run(["token", "scan", home.file("a.gz"), "-q"], context: context) == .usage)
        #expect(
            await PodstackTool.run(["token", "scan", home.file("a.gz"), "-q", "--no-archives"], context: context)
                == .success)
    }

    @Test("JSON has the file and the member apart, without a token in their names")
    func json() async throws {
        try python("save('a.zip', zipped([('in ' + token, secret)])); save(token, secret)")
        let outcome = await scan(home.path, "-o", "json")
        #expect(!outcome.output.contains(token) && !outcome.error.contains(token))
        let value = try APICoding.decode(JSONValue.self, from: Array(outcome.output.utf8))
        guard case .object(let document) = value, case .array(let findings)? = document["findings"] else {
            Issue.record("\(value)")
            return
        }
        let members = findings.map { finding -> JSONValue? in
            guard case .object(let fields) = finding else { return nil }
            return fields["member"]
        }
        // The name of the second file contains a token, too.
        #expect(members == [nil, .string("in podstack_abc12345…"), nil])
    }

    @Test("no library for archives is loaded when the program starts")
    func linkage() throws {
        let run = try ToolProcess.run("/usr/bin/ldd", [try ToolProcess.path(of: "podstack")])
        #expect(run.output.contains("libcurl"))
        #expect(!run.output.contains("libarchive"))
    }
}
