import PodstackCommandLine
import Testing

@Suite("Suggestions for mistyped words", .timeLimit(.minutes(1)))
struct SuggestionTests {
    @Test(
        "the nearest known word is suggested when it is at most two edits away",
        arguments: [
            ("token lst", "token list"), ("tokenlist", "token list"), ("toekn list", "token list"),
            ("--profil", "--profile"), ("--porfile", "--profile"), ("en", "env"),
        ])
    func near(word: String, nearest: String) {
        #expect(
            Suggestion.nearest(to: word, among: ["--profile", "--project", "token list", "token create", "env"])
                == nearest)
    }

    @Test(
        "a word with more differences, or one that is too short, has no suggestion",
        arguments: ["", "a", "fly", "--quiet", "--prabcle"])
    func far(word: String) {
        #expect(Suggestion.nearest(to: word, among: ["--profile", "token list", "env"]) == nil)
    }
}
