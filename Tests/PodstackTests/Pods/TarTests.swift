import Foundation
import PodstackSystem
import PodstackTestSupport
import Testing

@testable import Podstack

#if canImport(Glibc)
    import Glibc
#endif

@Suite("Tar archives", .blocking, .timeLimit(.perTest))
struct TarTests {
    /// Returns the whole archive of a file or directory.
    static func archive(_ path: String, as name: String) throws -> [UInt8] {
        let source = try TarSource(FilePath(path), as: Array(name.utf8), progress: nil)
        var bytes: [UInt8] = []
        while true {
            let part = try source.next()
            if part.isEmpty { return bytes }
            bytes += part
        }
    }

    /// Extracts an archive that arrives in pieces of a size.
    @discardableResult
    static func extract(_ bytes: [UInt8], to path: String, pieces size: Int = 4096) throws -> TransferSummary {
        var extraction = TarExtraction(to: FilePath(path), progress: nil)
        for start in stride(from: 0, to: bytes.count, by: size) {
            try extraction.receive(Array(bytes[start..<min(start + size, bytes.count)]))
        }
        return try extraction.finish()
    }

    static func run(_ command: String, in folder: TemporaryDirectory) throws {
        let run = try ToolProcess.run("/bin/sh", ["-ec", "cd \"$1\"; \(command)", "sh", folder.path], environment: [:])
        #expect(run.status == 0, "\(command): \(run.error)")
    }

    /// Creates a tree with everything that a directory may contain.
    static func tree() throws -> TemporaryDirectory {
        let folder = try TemporaryDirectory()
        let long = String(repeating: "long-name-", count: 15)
        try run(
            """
            mkdir -p tree/empty tree/sub/\(long); printf hello >tree/file; : >tree/nothing; chmod 755 tree/file
            head -c 1300 /dev/zero >tree/sub/\(long)/deep; ln -s ../file tree/sub/link; ln -s \(long)/deep tree/sub/long-link
            printf x >'tree/with space\tand tab'; touch -d 2020-01-02T03:04:05Z tree/file
            """, in: folder)
        return folder
    }

    @Test("tar extracts what the SDK stores")
    func writing() throws {
        let folder = try Self.tree()
        let bytes = try Self.archive(folder.file("tree"), as: "copy")
        #expect(bytes.count % 512 == 0 && bytes.suffix(1024).allSatisfy { $0 == 0 })
        try Data(bytes).write(to: URL(fileURLWithPath: folder.file("a.tar")))
        try Self.run("mkdir out; tar -xf a.tar -C out; diff -r --no-dereference tree out/copy", in: folder)
        try Self.run("test -x out/copy/file; test \"$(date -u -r out/copy/file +%F)\" = 2020-01-02", in: folder)
    }

    @Test("the SDK extracts what tar stores in each of its formats", arguments: ["gnu", "pax", "ustar", "oldgnu"])
    func reading(format: String) throws {
        let folder = try Self.tree()
        // The oldest format has no room for the long names.
        if format == "ustar" { try Self.run("rm -r tree/sub; mkdir tree/sub; ln -s ../file tree/sub/link", in: folder) }
        try Self.run("tar --format=\(format) -cf a.tar tree", in: folder)
        let bytes = Array(try Data(contentsOf: URL(filePath: folder.file("a.tar"))))
        for size in [1, 511, 100_000] {
            let summary = try Self.extract(bytes, to: folder.file("out-\(size)"), pieces: size)
            #expect(summary.skipped.isEmpty && summary.files >= 3)
            try Self.run("diff -r --no-dereference tree out-\(size); test -x out-\(size)/file", in: folder)
            try Self.run("test \"$(date -u -r out-\(size)/file +%F)\" = 2020-01-02", in: folder)
        }
    }

    @Test("a hard link becomes another name of the file")
    func hardLinks() throws {
        let folder = try TemporaryDirectory()
        try Self.run("mkdir t; echo x >t/a; ln t/a t/b; tar -cf a.tar t", in: folder)
        try Self.extract(Array(try Data(contentsOf: URL(filePath: folder.file("a.tar")))), to: folder.file("out"))
        try Self.run("test out/a -ef out/b", in: folder)
    }

    @Test("a file is copied to the path that is named, or into the directory")
    func destinations() throws {
        let folder = try TemporaryDirectory()
        _ = try folder.write("hello", to: "file.txt")
        let bytes = try Self.archive(folder.file("file.txt"), as: "file.txt")
        try Self.extract(bytes, to: folder.file("other.txt"))
        try Self.run("mkdir dir; test \"$(cat other.txt)\" = hello", in: folder)
        for destination in ["dir", "dir/"] {
            try Self.extract(bytes, to: folder.file(destination))
            try Self.run("test \"$(cat dir/file.txt)\" = hello; rm dir/file.txt", in: folder)
        }
        #expect(throws: PodFileError.self) { try Self.extract(bytes, to: folder.file("missing/")) }
        #expect(throws: PodFileError.self) { try Self.extract(bytes, to: folder.file("missing/x")) }
    }

    // MARK: - Hostile archives

    static func bytes(_ entries: [(TarEntry, String)]) -> [UInt8] {
        entries.flatMap { entry, content -> [UInt8] in
            var entry = entry
            entry.size = Int64(content.utf8.count)
            return entry.header + Array(content.utf8) + [UInt8](repeating: 0, count: entry.padding)
        } + [UInt8](repeating: 0, count: 1024)
    }

    static func entry(_ path: String, _ kind: TarEntry.Kind = .file) -> TarEntry {
        TarEntry(path: Array(path.utf8), kind: kind)
    }

    @Test(
        "nothing is written outside of the copy",
        arguments: [
            [(entry("c/../../evil"), "x")], [(entry("../evil"), "x")], [(entry("c/.."), "")],
            [
                (entry("c", .directory), ""), (entry("c/l", .symbolicLink(Array("..".utf8))), ""),
                (entry("c/l/evil"), "x"),
            ],
            [
                (entry("c", .directory), ""), (entry("c/l", .symbolicLink(Array("../evil".utf8))), ""),
                (entry("c/l"), "x"),
            ],
            [(entry("c", .symbolicLink(Array("evil".utf8))), ""), (entry("c"), "x")],
            [(entry("c", .directory), ""), (entry("c/h", .hardLink(Array("c/../../secret".utf8))), "")],
            [(entry("c", .directory), ""), (entry("c/h", .hardLink(Array("../secret".utf8))), "")],
        ])
    func escapes(entries: [(TarEntry, String)]) throws {
        let folder = try TemporaryDirectory()
        try Self.run("mkdir in; echo secret >secret; echo secret >in/secret", in: folder)
        _ = try? Self.extract(Self.bytes(entries), to: folder.file("in/copy"))
        let run = try ToolProcess.run("/bin/ls", ["-A", folder.path, folder.file("in")], environment: [:])
        #expect(!run.output.contains("evil"), "\(run.output)")
        try Self.run(
            "test \"$(cat secret in/secret | sort -u)\" = secret; test \"$(stat -c %h secret)\" = 1", in: folder)
    }

    @Test("an absolute path is below the copy, a link that leads out is left out, and one that stays is created")
    func links() throws {
        let folder = try TemporaryDirectory()
        let summary = try Self.extract(
            Self.bytes([
                (Self.entry("/c", .directory), ""), (Self.entry("/c/file"), "x"),
                (Self.entry("c/out", .symbolicLink(Array("/etc/passwd".utf8))), ""),
                (Self.entry("c/up", .symbolicLink(Array("../../x".utf8))), ""),
                (Self.entry("c/in", .symbolicLink(Array("./file".utf8))), ""), (Self.entry("c/device", .special), ""),
            ]), to: folder.file("copy"))
        // A special entry is written as a file by this writer, so it is one here.
        #expect(summary.skipped.map { String($0.split(separator: "/").last ?? "") } == ["out", "up"])
        try Self.run("test \"$(cat copy/in)\" = x; test ! -e copy/out; test ! -L copy/up", in: folder)
    }

    @Test("a link that is here already is neither followed nor written through")
    func localLinks() throws {
        let folder = try TemporaryDirectory()
        try Self.run("mkdir -p copy/c outside; ln -s ../../outside copy/c/sub", in: folder)
        let tree = [(Self.entry("c", .directory), ""), (Self.entry("c/sub/file"), "x")]
        #expect(throws: PodFileError.self) { try Self.extract(Self.bytes(tree), to: folder.file("copy/")) }
        // The copy is copy/c, so that name is tried too.
        try Self.run("rm -r copy/c; ln -s ../outside copy/c", in: folder)
        #expect(throws: PodFileError.self) { try Self.extract(Self.bytes(tree), to: folder.file("copy/")) }
        try Self.run("test -z \"$(ls outside)\"", in: folder)
    }

    @Test("a program gets no rights of its owner, and a pipe in the way is not opened")
    func modes() throws {
        let folder = try TemporaryDirectory()
        var program = Self.entry("c")
        program.mode = 0o6755
        try Self.extract(Self.bytes([(program, "x")]), to: folder.file("copy"))
        try Self.run("test -x copy; test ! -u copy; test ! -g copy; rm copy; mkfifo copy", in: folder)
        #expect(throws: PodFileError.self) { try Self.extract(Self.bytes([(program, "x")]), to: folder.file("copy")) }
    }

    @Test("what is not an archive, or only the beginning of one, is an error")
    func damaged() throws {
        let folder = try TemporaryDirectory()
        let whole = Self.bytes([(Self.entry("c"), String(repeating: "x", count: 2000))])
        for bytes in [
            Array(whole.prefix(700)), Array(whole.prefix(100)), [], [UInt8](repeating: 0, count: 1024),
            [UInt8](repeating: 7, count: 4096), Array("<html>".utf8) + whole,
        ] {
            #expect(throws: PodFileError.self) { try Self.extract(bytes, to: folder.file("copy")) }
        }
        var generator = TestSeed.generator()
        for _ in 0..<500 {
            var bytes = whole
            for _ in 0..<Int.random(in: 1...8, using: &generator) {
                bytes[Int.random(in: 0..<600, using: &generator)] = .random(in: 0...255, using: &generator)
            }
            // Whatever happens, it ends, and stays in the folder.
            _ = try? Self.extract(bytes, to: folder.file("copy"))
        }
    }

    @Test("random trees survive the way there and back")
    func random() throws {
        var generator = TestSeed.generator()
        for round in 0..<5 {
            let folder = try TemporaryDirectory()
            try Self.run("mkdir tree", in: folder)
            var directories = ["tree"]
            for number in 0..<40 {
                let parent = directories.randomElement(using: &generator) ?? "tree"
                let name =
                    "\(parent)/\(String(repeating: "n", count: .random(in: 1...120, using: &generator)))\(number)"
                if Bool.random(using: &generator), name.utf8.count < 3000 {
                    try Self.run("mkdir '\(name)'", in: folder)
                    directories.append(name)
                } else {
                    let size = Int.random(in: 0...3000, using: &generator)
                    try Self.run("head -c \(size) /dev/urandom >'\(name)'", in: folder)
                }
            }
            let bytes = try Self.archive(folder.file("tree"), as: "x")
            try Self.extract(bytes, to: folder.file("out"), pieces: .random(in: 1...5000, using: &generator))
            try Self.run("diff -r tree out", in: folder)
            #expect(round >= 0)
        }
    }
}
