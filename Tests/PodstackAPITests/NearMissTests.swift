import PodstackAPI
import Testing

@Suite("Words that were mistyped")
struct NearMissTests {
    @Test(
        "the nearest known word is found when it is at most two edits away",
        arguments: [
            ("token lst", "token list"), ("tokenlist", "token list"), ("toekn list", "token list"),
            ("--profil", "--profile"), ("--porfile", "--profile"), ("en", "env"),
        ])
    func near(word: String, meant: String) {
        #expect(NearMiss.of(word, among: ["--profile", "--project", "token list", "token create", "env"]) == meant)
    }

    @Test("what is further away, or too short to tell, is not guessed", arguments: ["", "a", "fly", "--quiet"])
    func far(word: String) {
        #expect(NearMiss.of(word, among: ["--profile", "token list", "env"]) == nil)
    }
}
