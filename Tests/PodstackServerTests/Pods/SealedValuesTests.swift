import PodstackTestSupport
import Testing

@testable import PodstackServer

@Suite("Sealed values", .timeLimit(.perTest))
struct SealedValuesTests {
    private func pepper(_ byte: UInt8) -> Pepper { Pepper(bytes: [UInt8](repeating: byte, count: Pepper.length)) }

    @Test("a sealed value is opened for its context only, and never repeats")
    func roundTrip() {
        let sealing = SealedValues(Peppers(current: pepper(1)))
        for value: [UInt8] in [[], [1, 2, 3], [UInt8](repeating: 7, count: 70_000)] {
            let sealed = sealing.seal(value, for: "pod_a")
            #expect(sealing.open(sealed, for: "pod_a") == value)
            #expect(sealing.open(sealed, for: "pod_b") == nil)
            #expect(sealing.seal(value, for: "pod_a") != sealed)
        }
    }

    @Test("a value that was changed anywhere is not opened")
    func tampering() {
        let sealing = SealedValues(Peppers(current: pepper(1)))
        let sealed = sealing.seal([1, 2, 3], for: "pod_a")
        for index in sealed.indices {
            var changed = sealed
            changed[index] ^= 1
            #expect(sealing.open(changed, for: "pod_a") == nil, "byte \(index)")
        }
        for count in 0..<sealed.count { #expect(sealing.open(Array(sealed.prefix(count)), for: "pod_a") == nil) }
    }

    @Test("a value is opened with the previous pepper, and with the one that is about to be installed")
    func rotation() {
        let sealed = SealedValues(Peppers(current: pepper(1))).seal([1], for: "a")
        #expect(SealedValues(Peppers(current: pepper(2), previous: pepper(1))).open(sealed, for: "a") == [1])
        #expect(SealedValues(Peppers(current: pepper(2), next: pepper(1))).open(sealed, for: "a") == [1])
        #expect(SealedValues(Peppers(current: pepper(2))).open(sealed, for: "a") == nil)
    }
}

@Suite("The secrets of pods and the pepper", .blocking, .databases, .timeLimit(.perTest))
struct PodSecretsRotationTests {
    @Test("after a rotation of the pepper, a pod's secrets need the new one only", arguments: TestDatabase.selected)
    func rotation(_: TestDatabase) throws {
        let service = try PodServer()
        let pod = try service.runningPod(#""env": {"KEY": "value"}"#)
        service.server.server.stop()
        let directory = try DataDirectory(service.server.data.file("data"))
        let database = service.server.server.service.database
        try PepperRotation(directory: directory, database: database).run(now: service.server.server.service.now())
        let sealed = try #require(try database.read { try PodStore.sealed(pod.id, in: $0) })
        let new = try directory.peppers().current
        let opened = try #require(SealedValues(Peppers(current: new)).open(sealed, for: pod.id))
        #expect(String(decoding: opened, as: UTF8.self).contains(#""KEY":"value""#))
    }
}
