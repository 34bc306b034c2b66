import PodstackAPI
import Testing

@Suite("Mistyped words", .timeLimit(.minutes(1)))
struct NearMissTests {
    @Test(
        "the nearest known word is found if it is at most two edits away",
        arguments: [
            ("token lst", "token list"), ("tokenlist", "token list"), ("toekn list", "token list"),
            ("--profil", "--profile"), ("--porfile", "--profile"), ("en", "env"),
        ])
    func near(word: String, meant: String) {
        #expect(NearMiss.of(word, among: ["--profile", "--project", "token list", "token create", "env"]) == meant)
    }

    @Test("a word that is further away, or too short, has no match", arguments: ["", "a", "fly", "--quiet"])
    func far(word: String) {
        #expect(NearMiss.of(word, among: ["--profile", "token list", "env"]) == nil)
    }
}
