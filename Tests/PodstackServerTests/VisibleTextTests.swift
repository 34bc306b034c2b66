import PodstackAPI
import PodstackTestSupport
import Testing

@testable import PodstackServer

@Suite("Text that people read", .timeLimit(.perTest))
struct VisibleTextTests {
    @Test(
        "text of every language is valid",
        arguments: [
            "CI", "Büro", "Ελληνικά", "Кириллица", "日本語 テスト", "한국어", "עברית", "العربية", "हिन्दी", "বাংলা", "தமிழ்",
            "ไทย ที่นี่", "မြန်မာ", "ភាសាខ្មែរ", "Tiếng Việt", "a", "1", "-", "#1", "“x”", "👩‍👩‍👧‍👦", "👍🏽", "❤️", "1️⃣", "🏳️‍🌈",
            "🇩🇪", "✈︎", "🙂‍↔️", "👁️‍🗨️", "❤️‍🔥", "©️ ™", "می‌خواهم", "کتاب‌ها", "क्‍ष", "ක්‍ෂ", "ന്‍", "র‌্য", "葛\u{E0100}", "e\u{301}\u{323}",
            "a\u{A0}b",
            "x\u{3000}y",
            "ᠮᠣᠩᠭᠣᠯ", "1 < 2 & \"3\"", "naïve café №5 €",
        ])
    func valid(text: String) throws { #expect(try ResourceName.validate(text) == text) }

    @Test(
        "text without a visible character, or with an invisible one, is rejected",
        arguments: [
            "\u{200B}", "a\u{200B}b", "\u{202E}", "a\u{202E}b", "a\u{202A}b", "a\u{202C}b", "a\u{2066}b", "a\u{2069}b",
            "a\u{200E}", "a\u{200F}b", "a\u{61C}b", "a\u{2060}b", "\u{FEFF}a", "a\u{FEFF}", "a\u{AD}b", "a\u{34F}b",
            "a\u{115F}", "\u{115F}", "\u{1160}", "\u{3164}", "a\u{3164}b", "\u{FFA0}", "a\u{17B4}b", "a\u{180E}b",
            "a\u{2061}b", "a\u{2064}b", "a\u{206A}b", "a\u{FFF9}b", "a\u{FFFC}b", "a\u{E0001}b", "🏴\u{E0067}\u{E007F}",
            "a\u{E0041}", "a\u{FE0F}", "a\u{FE00}b", "\u{FE0F}", "日\u{FE0F}", "a\u{E0100}", "❤️\u{FE0F}", "a\u{200C}b",
            "a\u{200D}b", "\u{200D}", "👩\u{200D}", "\u{200D}👩", "👩\u{200D}a", "می\u{200C}", "\u{200C}می",
            "می\u{200C}\u{200C}خ",
            "\u{301}", "\u{301}a", "a \u{301}", "\u{20DD}", "a\u{E000}", "a\u{F8FF}", "a\u{10FFFD}", "a\u{FFFE}",
            "a\u{FFFF}",
            "a\u{1FFFE}", "a\u{378}", "\u{2800}", "\u{2800} \u{2800}", "\u{2800}\u{301}", "\u{13441}", "\u{13442}",
            "\u{16FE4}",
            "\u{1680}", "\u{1D159}", "\u{3000}", " \u{A0} ",
            "CI 1\u{FE0F}", "CI 1\u{FE0E}", "1\u{FE0E}\u{20E3}", "CI #\u{FE0F}", "a*\u{FE0F}", "1\u{FE0F}2\u{FE0F}",
            "©\u{200D}®", "a©\u{200D}®", "™\u{200D}™", "©\u{FE0F}\u{200D}®", "👩\u{200D}©", "1\u{FE0F}\u{20E3}\u{200D}👩",
            "a\u{2800}b", "a\u{2800}", "a\u{13441}b",
            "a\u{2028}b",
            "a\u{2029}b", "a\u{85}b", "a\u{0}b", "a\tb", "a\nb", "a\u{7F}", "a\u{9B}b", "a\u{1D173}b", "a\u{13430}b",
            "",
            "a" + String(repeating: "\u{301}", count: 10), "a\u{600}1", "\u{180B}", "a\u{180B}",
        ])
    func invalid(text: String) {
        #expect(throws: InvalidValue.self) { try ResourceName.validate(text) }
        #expect(throws: InvalidValue.self) { try VisibleText.validate(text) }
    }

    @Test("no character that is invisible by default is valid alone or between letters")
    func allScalars() {
        // The other planes hold characters that are alike: ideographs, unassigned and private ones.
        let alike = UInt32(0x20000)...0x10FFFF
        for value in UInt32(0)...0x10FFFF where !alike.contains(value) || value >> 16 == 14 || value % 127 == 0 {
            guard let scalar = Unicode.Scalar(value) else { continue }
            let properties = scalar.properties
            let isBad =
                properties.isDefaultIgnorableCodePoint || properties.isBidiControl || properties.isNoncharacterCodePoint
                || [.control, .format, .privateUse, .unassigned].contains(properties.generalCategory)
            guard isBad else { continue }
            for text in ["\(scalar)", "a\(scalar)b"] where (try? ResourceName.validate(text)) != nil {
                // The white space around a name is removed.
                Issue.record("U+\(String(value, radix: 16)) is valid")
            }
        }
    }

    @Test("a name and a description have a limit in characters and in bytes, after normalization")
    func lengths() throws {
        #expect(try ResourceName.validate(String(repeating: "😀", count: 100)).utf8.count == 400)
        #expect(throws: InvalidValue.self) { try ResourceName.validate(String(repeating: "😀", count: 101)) }
        // 200 scalars as they are entered, and 100 composed ones.
        #expect(try ResourceName.validate(String(repeating: "e\u{301}", count: 100)).unicodeScalars.count == 100)
        // A character that becomes three.
        #expect(throws: InvalidValue.self) { try ResourceName.validate(String(repeating: "\u{1D160}", count: 40)) }
        #expect(throws: InvalidValue.self) { try ResourceName.validate(String(repeating: "a", count: 60_000)) }
        #expect(try ResourceName.validateDescription(String(repeating: "é", count: 1000))?.utf8.count == 2000)
        #expect(throws: InvalidValue.self) { try ResourceName.validateDescription(String(repeating: "a", count: 1001)) }
        #expect(try ResourceName.validateDescription("a\n\tb\n") == "a\n\tb\n")
        #expect(throws: InvalidValue.self) { try ResourceName.validateDescription("\n\t\n") }
        #expect(throws: InvalidValue.self) { try ResourceName.validateDescription("a\u{202E}b") }
        #expect(throws: InvalidValue.self) { try ResourceName.validateDescription("a\r\nb") }
    }

    @Test("names are stored in NFC, in every place")
    func stored() throws {
        let client = try TestClient()
        let (entered, stored) = ("Bu\u{308}ro", "B\u{FC}ro")
        for (method, path) in [("POST", "/v1/projects"), ("POST", "/v1/tokens")] {
            let response = try client.send(method, path, #"{"name": "\#(entered)"}"#)
            #expect(response.status == 201)
            #expect(response.body.utf8.elementsEqual(response.body.replacing(entered, with: stored).utf8))
            #expect(Array(response.body.unicodeScalars).contains("\u{FC}"))
        }
        for name in ["\u{200B}", "a\u{202E}b", "\u{2800}", "\u{3164}", "\u{115F}", "\u{1160}", "\u{FFA0}", "\u{1D159}"]
        {
            for (path, field) in [("/v1/projects", "name"), ("/v1/tokens", "name"), ("/v1/device/code", "client_name")]
            {
                #expect(try client.send("POST", path, #"{"\#(field)": "\#(name)"}"#).status == 422, "\(path)")
            }
        }
    }

    @Test("an email address is found however its letters are spelled")
    func emails() throws {
        let server = try RunningServer()
        let (composed, decomposed) = ("j\u{FC}rgen@example.com", "ju\u{308}rgen@example.com")
        try server.server.addUser(decomposed)
        let database = server.server.service.database
        for email in [composed, decomposed, composed.uppercased(), decomposed.uppercased()] {
            let user = try database.read { try UserStore.find(email: email, in: $0) }
            #expect(user?.email.utf8.elementsEqual(composed.utf8) == true)
        }
        #expect(throws: UserStore.EmailTaken.self) { try server.server.addUser(composed) }
        // A row of an earlier release.
        _ = try database.write {
            try $0.execute("UPDATE users SET email_key = \(decomposed) WHERE email_key = \(composed)")
        }
        #expect(try database.read { try UserStore.find(email: decomposed, in: $0) } != nil)
        for email in ["\u{2800}@example.com", "a\u{2800}b@example.com", "a@\u{1D159}.com", "\u{13441}@example.com"] {
            #expect(!EmailAddress.isValid(email), "\(email)")
        }
        for email in ["a\u{3164}b@example.com", "a\u{34F}@example.com", "a\u{E0041}@x.com", "a\u{1FFFE}@x.com"] {
            #expect(!EmailAddress.isValid(email))
        }
    }

    @Test("normalization composes, and NFKC unifies width")
    func normalization() {
        func scalars(_ text: String) -> [UInt32] { text.unicodeScalars.map(\.value) }
        #expect(scalars(Normalization.nfc("e\u{301}")) == [0xE9])
        #expect(scalars(Normalization.nfc("\u{212B}")) == [0xC5])
        #expect(scalars(Normalization.nfc("\u{1100}\u{1161}")) == [0xAC00])
        #expect(scalars(Normalization.nfc("a\u{323}\u{307}")) == scalars(Normalization.nfc("a\u{307}\u{323}")))
        #expect(scalars(Normalization.nfc("ﬁ")) == [0xFB01])
        #expect(Normalization.nfkc("ﬁＡ①") == "fiA1")
        #expect(Normalization.nfc("") == "" && Normalization.nfc("plain") == "plain")
    }
}

@Suite("Names inside pages", .blocking, .timeLimit(.perTest))
struct IsolatedTextTests {
    @Test("a name inside a sentence is isolated if its direction can differ, and cannot end the isolation")
    func isolated() {
        for text in ["", "CI", "Büro 1", "Ελληνικά"] { #expect(Isolated.text(text) == text) }
        #expect(Isolated.text("עברית") == "\u{2068}עברית\u{2069}")
        #expect(Isolated.text("a\u{202E}\u{2069}b") == "\u{2068}a\u{FFFD}\u{FFFD}b\u{2069}")
    }

    @Test("pages isolate a name in a sentence, and the style sheet isolates elements")
    func pages() throws {
        let client = try TestClient(signedUpAt: .anywhere(ManualClock()))
        let name = "פרויקט"
        let token = TestClient(client.server, try client.server.createToken())
        let project = try token.send("POST", "/v1/projects", #"{"name": "\#(name)"}"#).decoded(Project.self)
        let page = try client.get("/projects/\(project.id)/delete")
        #expect(page.status == 200)
        #expect(page.body.contains("Delete “\u{2068}\(name)\u{2069}”?"))
        let path = try #require(
            page.body.split(separator: "\"").first { $0.hasPrefix("/assets/") && $0.contains(".css") })
        #expect(try client.get(String(path)).body.contains("unicode-bidi: isolate"))
    }
}
