import Foundation
import PodstackTestSupport
import Testing

/// The article that a new user reads first.
///
/// ``GuideTests`` compiles and runs its code.
@Suite("Quick Start", .blocking, .timeLimit(.perTest))
struct QuickStartTests {
    private static func snippets(_ path: String) throws -> [String] {
        let text = try String(contentsOf: GuideTests.root.appending(path: path), encoding: .utf8)
        return GuideTests.regions(text, from: "```swift", to: "```")
    }

    private static let article = "Sources/Podstack/Podstack.docc/QuickStart.md"

    @Test("its code is the README's")
    func sameCode() throws {
        let readme = try Self.snippets("README.md")
        let article = try Self.snippets(Self.article)
        #expect(readme.count >= 2)
        // The README starts with the program.
        #expect(readme.first?.hasPrefix("import Podstack\n") == true)
        for snippet in readme { #expect(article.contains(snippet), "Quick Start lacks this snippet:\n\(snippet)") }
    }

    @Test("its manifest is valid and contains the dependencies that it and the README name")
    func manifest() throws {
        let manifest = try #require(try Self.snippets(Self.article).first { $0.hasPrefix("// swift-tools-version") })
        let lines = try #require(try Self.snippets(Self.article).first { $0.hasPrefix(".package(") })
        for line in lines.split(separator: "\n") {
            let entry = line.trimmingCharacters(in: CharacterSet(charactersIn: " ,"))
            #expect(manifest.contains(entry), "the manifest lacks \(entry)")
        }
        let folder = try TemporaryDirectory()
        _ = try folder.write(manifest, to: "Package.swift")
        let run = try ToolProcess.run(
            "/usr/bin/env", ["swift", "package", "--package-path", folder.path, "dump-package"],
            environment: ["PATH": ProcessInfo.processInfo.environment["PATH"] ?? "", "HOME": folder.path])
        #expect(run.status == 0, "\(run.error)")
        let package = try #require(
            try JSONSerialization.jsonObject(with: Data(run.output.utf8)) as? [String: Any])
        #expect((package["targets"] as? [Any])?.count == 2)
        // The products that it names are those of this package.
        let products: [String] = manifest.components(separatedBy: ".product(name: \"").dropFirst().map { rest in
            String(rest.prefix { $0 != "\"" })
        }
        let own = try String(contentsOf: GuideTests.root.appending(path: "Package.swift"), encoding: .utf8)
        #expect(products == ["Podstack", "PodstackTesting"])
        for product in products { #expect(own.contains(".library(name: \"\(product)\"")) }
    }
}
