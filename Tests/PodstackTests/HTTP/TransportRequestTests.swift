import Foundation
import Podstack
import PodstackTestSupport
import PodstackTransport
import Testing

@Suite("A request to a transport", .timeLimit(.minutes(1)))
struct TransportRequestTests {
    @Test("shows no part of its credential, however it is printed")
    func secrecy() {
        let request = TransportRequest(
            method: "GET", url: "https://api.example.com", credential: TransportCredential(bearer: "secret-token"),
            timeout: .seconds(1))
        var dumped = ""
        dump(request, to: &dumped)
        dump(request.credential as Any, to: &dumped)
        let credential = TransportCredential(bearer: "secret-token")
        for text in [
            "\(request)", String(reflecting: request), dumped, "\(credential)", String(reflecting: credential),
            "\([credential])", "\(Mirror(reflecting: credential).children.map { $0 })",
        ] {
            #expect(!text.contains("secret"), "\(text)")
        }
        #expect("\(credential)" == "…")
    }

    @Test("has the token that its credential contains, and an empty one without a credential")
    func token() {
        var request = TransportRequest(method: "GET", url: "https://api.example.com", timeout: .seconds(1))
        #expect(request.token == APIToken(""))
        request.token = APIToken("one")
        #expect(request.credential == TransportCredential(bearer: "one"))
        #expect(request.token == APIToken("one"))
        request.token = APIToken("")
        #expect(request.credential == nil)
    }

    @Test("reaches libcurl only through the files that wrap its handles")
    func onlyCurlFiles() throws {
        let sources = URL(filePath: #filePath).appending(path: "../../../../Sources").standardizedFileURL
        let files = try #require(FileManager.default.enumerator(at: sources, includingPropertiesForKeys: nil))
        var importing: [String] = []
        for case let file as URL in files where file.pathExtension == "swift" {
            let lines = try String(contentsOf: file, encoding: .utf8).split(separator: "\n")
            if lines.contains(where: { $0.hasSuffix("import CCurl") }) { importing.append(file.lastPathComponent) }
        }
        #expect(importing.sorted() == ["Curl.swift", "CurlConnection.swift", "CurlEasy.swift", "CurlStream.swift"])
    }
}
