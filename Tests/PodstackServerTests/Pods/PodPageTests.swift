import PodstackAPI
import Testing

@testable import PodstackServer

#if canImport(FoundationEssentials)
    import FoundationEssentials
#else
    import Foundation
#endif

@Suite("A page of pods", .timeLimit(.minutes(1)))
struct PodPageTests {
    private func pod(_ text: String, isFull: Bool) -> Pod {
        let time = Date(timeIntervalSince1970: 1_900_000_000)
        return Pod(
            id: "pod_1", name: "trainer", projectID: "prj_1", image: "ubuntu:24.04", gpuType: isFull ? "A100" : nil,
            gpuCount: isFull ? 8 : 0, cpu: isFull ? 2.125 : 4, memory: 16, disk: 50,
            ports: isFull ? [.init(containerPort: 80, address: "127.0.0.1:1"), .init(containerPort: 81)] : [],
            env: isFull ? ["A", "B"] : [], command: isFull ? text : nil,
            volumes: isFull ? [.init(volumeID: "vol_1", mountPath: "/\(text)")] : [],
            labels: isFull ? ["b": text, "a": ""] : [:], status: isFull ? .running : .failed,
            statusReason: isFull ? nil : text, node: isFull ? "node-1" : nil, createdAt: time,
            startedAt: isFull ? time : nil, finishedAt: isFull ? nil : time, exitCode: isFull ? nil : 137,
            pricePerHour: isFull ? 2.5 : 0, cost: Amount(millionths: isFull ? 1 : 12_000_000),
            limits: .init(stopAfter: isFull ? 60 : nil, deleteAfter: nil, maxCost: isFull ? 0.000694 : nil),
            tokenScopes: isFull ? [.podsRead, .all] : nil,
            createdBy: .init(userID: "usr_1", email: isFull ? "you@example.com" : nil, tokenID: nil), isStale: isFull)
    }

    @Test("has the values that Foundation's encoder writes, in the same order")
    func values() throws {
        let texts = ["plain", #"a "quoted" \ text/with"#, "lines\nand\ttabs\u{1}\u{1F}", "ü 漢字 🚀 \u{7F}"]
        let pods = texts.flatMap { [pod($0, isFull: true), pod($0, isFull: false)] }
        for (pods, cursor) in [(pods, "1-pod_1"), (pods, nil), ([], nil)] {
            let expected = try APICoding.encode(Page(elements: pods, nextCursor: cursor))
            let written = PodPage.encode(pods, nextCursor: cursor)
            #expect(
                try APICoding.decode(JSONValue.self, from: written) == APICoding.decode(JSONValue.self, from: expected))
            #expect(try APICoding.decode(Page<Pod>.self, from: written).elements == pods)
        }
    }
}
