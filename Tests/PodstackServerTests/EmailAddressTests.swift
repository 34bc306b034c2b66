import Testing

@testable import PodstackServer

@Suite("Email addresses", .timeLimit(.perTest))
struct EmailAddressTests {
    @Test("letters of any script are valid", arguments: ["you@example.com", "jürgen@bücher.example", "x@localhost"])
    func accepted(address: String) { #expect(EmailAddress.isValid(address)) }

    @Test(
        "white space and invisible characters are invalid",
        arguments: [
            "you", "@example.com", "you@", "a@b@c", "yo u@example.com", "you@example.com\n", "yo\u{1B}[2Ju@example.com",
            "yo\u{9B}2Ju@example.com", "you@exam\u{200B}ple.com", "you@\u{202E}moc.elpmaxe", "you@example.com\u{FEFF}",
        ])
    func refused(address: String) { #expect(!EmailAddress.isValid(address)) }
}
