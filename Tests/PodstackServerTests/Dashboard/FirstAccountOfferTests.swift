import Foundation
import PodstackTestSupport
import Testing

@testable import PodstackServer

@Suite("The offer of a first account", .blocking, .timeLimit(.perTest))
struct FirstAccountOfferTests {
    @Test(
        "leaves the link alone that another instance over the same folder put there since",
        .enabled(if: !StandardStream.output.isTerminal, "on a terminal the link is shown there"))
    func another() throws {
        let place = try ServerPlace()
        let directory = try DataDirectory(place.data)
        let service = try Service(directory: directory)
        defer { try? service.stop() }
        let file = place.data + "/first-account-link"
        let first = try #require(try FirstAccountOffer.make(service, in: directory, at: "http://localhost"))
        #expect(!first.withdrawIfOver())
        let second = try #require(try FirstAccountOffer.make(service, in: directory, at: "http://localhost"))
        #expect(first.withdrawIfOver())
        #expect(FileManager.default.fileExists(atPath: file))
        try service.changes.make(by: .administrator, at: service.now()) {
            _ = try AccountStore.addUser(email: RunningServer.email, name: nil, in: $0)
        }
        #expect(second.withdrawIfOver())
        #expect(!FileManager.default.fileExists(atPath: file))
    }
}
