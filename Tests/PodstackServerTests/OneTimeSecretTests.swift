import PodstackAPI
import Testing

@testable import PodstackServer

@Suite("One-time secrets", .timeLimit(.perTest))
struct OneTimeSecretTests {
    private let digest = SecretDigest(Peppers(current: Pepper(bytes: [UInt8](repeating: 7, count: 32))))

    @Test("a generated secret has 40 base62 characters after its prefix: more than 128 bits")
    func length() {
        let secret = OneTimeSecret.generate(prefix: "dvc_")
        #expect(secret.text.hasPrefix("dvc_"))
        let random = secret.text.utf8.dropFirst(4)
        #expect(random.count == OneTimeSecret.length && random.count == 40)
        #expect(random.allSatisfy(Base62.isDigit))
        #expect(OneTimeSecret.generate().text.utf8.count == 40)
    }

    @Test("of 10,000 generated secrets no two are equal, and every position takes every character")
    func randomness() {
        let count = 10_000
        var seen: Set<String> = []
        var characters = Array(repeating: Set<UInt8>(), count: OneTimeSecret.length)
        for _ in 0..<count {
            let text = OneTimeSecret.generate().text
            seen.insert(text)
            for (position, character) in text.utf8.enumerated() { characters[position].insert(character) }
        }
        #expect(seen.count == count)
        #expect(characters.allSatisfy { $0.count == 62 })
    }

    @Test("printing, interpolating, dumping and reflecting a secret shows no part of it")
    func redaction() {
        struct Holder {
            let secret: OneTimeSecret
        }
        let secret = OneTimeSecret("abcdefghij0123456789ABCDEFGHIJ9876543210")
        var dumped = ""
        dump(Holder(secret: secret), to: &dumped)
        var printed = ""
        print(secret, to: &printed)
        for text in [
            dumped, printed, "\(secret)", String(reflecting: secret), String(describing: Holder(secret: secret)),
            String(reflecting: [secret]), "\(Mirror(reflecting: secret).children.map(\.value))",
        ] {
            #expect(!text.contains("abcd") && !text.contains("3210"), "\(text)")
        }
        #expect("\(secret)" == "OneTimeSecret(redacted)")
    }

    @Test("the digest depends on the whole secret and on the pepper, and does not contain the secret")
    func digests() {
        let secret = OneTimeSecret.generate()
        let stored = digest.digest(of: secret)
        #expect(stored.count == 32)
        #expect(digest.digest(of: OneTimeSecret(secret.text)) == stored)
        #expect(digest.digest(of: OneTimeSecret(String(secret.text.dropLast()))) != stored)
        let other = SecretDigest(Peppers(current: Pepper(bytes: [UInt8](repeating: 8, count: 32))))
        #expect(other.digest(of: secret) != stored)
    }
}
