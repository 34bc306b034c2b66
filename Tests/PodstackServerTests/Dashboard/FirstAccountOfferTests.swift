import Foundation
import PodstackCommandLine
import PodstackTestSupport
import Testing

@testable import PodstackServer

@Suite("The link to the first account", .blocking, .timeLimit(.perTest))
struct FirstAccountOfferTests {
    @Test(
        "is not removed if another instance has replaced it",
        .enabled(if: !StandardStream.output.isTerminal, "on a terminal the link is shown there"))
    func another() throws {
        let place = try ServerPlace()
        let directory = try DataDirectory(place.data)
        let service = try Service(directory: directory)
        defer { service.stop() }
        let file = place.data + "/first-account-link"
        let first = try #require(try FirstAccountOffer.create(service, in: directory, at: "http://localhost"))
        #expect(!first.withdrawIfEnded())
        let second = try #require(try FirstAccountOffer.create(service, in: directory, at: "http://localhost"))
        #expect(first.withdrawIfEnded())
        #expect(FileManager.default.fileExists(atPath: file))
        try service.changes.perform(by: .administrator, at: service.now()) {
            _ = try AccountCreation.create(email: RunningServer.email, name: nil, in: $0)
        }
        #expect(second.withdrawIfEnded())
        #expect(!FileManager.default.fileExists(atPath: file))
    }
}
