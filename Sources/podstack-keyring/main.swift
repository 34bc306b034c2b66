#if canImport(Glibc)
    import Glibc
#elseif canImport(Musl)
    import Musl
#elseif canImport(Darwin)
    import Darwin
#endif

// Apart from `podstack`, so that only what needs the keyring loads its library: libsecret and GLib take longer to load
// than the rest of the program.

let usage = """
    Usage: podstack-keyring COMMAND

      get ENTRY            print the token of an entry, as a credential_process does
      store ENTRY [LABEL]  keep the token on standard input, in the place of the one that the entry holds
      erase ENTRY          remove the entry, if it is there
      check                find out whether there is a keyring, and unlock it

    Keeps the tokens of "podstack auth login --use-keyring" in the keyring of the desktop, by its Secret Service.

    """

func say(_ text: String, to stream: Int32) {
    var rest = Array(text.utf8)[...]
    while !rest.isEmpty {
        let count = rest.withUnsafeBytes { write(stream, $0.baseAddress, $0.count) }
        if count < 0 && errno == EINTR { continue }
        if count <= 0 { exit(1) }
        rest = rest.dropFirst(count)
    }
}

func end(_ sentence: String, status: Int32 = 1) -> Never {
    say(sentence + "\n", to: 2)
    exit(status)
}

/// The token on standard input; nil when there is something else.
func readToken() -> String? {
    var bytes: [UInt8] = []
    var chunk = [UInt8](repeating: 0, count: 4096)
    while bytes.count <= 65_536 {
        let count = read(0, &chunk, chunk.count)
        if count < 0 && errno == EINTR { continue }
        if count <= 0 { break }
        bytes += chunk[..<count]
    }
    while let last = bytes.last, [0x20, 0x0A, 0x0D].contains(last) { bytes.removeLast() }
    guard !bytes.isEmpty, bytes.count <= 65_536, bytes.allSatisfy({ $0 > 0x20 && $0 < 0x7F }) else { return nil }
    return String(decoding: bytes, as: UTF8.self)
}

/// All that such a token can hold that JSON does not take as it is.
func quoted(_ token: String) -> String {
    "\"" + token.map { $0 == "\"" || $0 == "\\" ? "\\\($0)" : "\($0)" }.joined() + "\""
}

let words = Array(CommandLine.arguments.dropFirst())
if words == ["--help"] || words == ["-h"] {
    say(usage, to: 1)
    exit(0)
}
let counts = ["get": 2...2, "store": 2...3, "erase": 2...2, "check": 1...1]
guard let command = words.first, counts[command]?.contains(words.count) == true, words.dropFirst().first != "" else {
    end(usage.dropLast().description, status: 2)
}
do throws(KeyringFailure) {
    #if os(Linux)
        switch command {
        case "get":
            let token = try Keyring().secret(of: words[1])
            say("{\"version\": 1, \"api_token\": \(quoted(token))}\n", to: 1)
        case "store":
            guard let token = readToken() else { end("standard input holds no token") }
            try Keyring().store(token, as: words[1], label: words.count == 3 ? words[2] : nil)
        case "erase": try Keyring().erase(words[1])
        default: try Keyring().unlock()
        }
    #else
        throw .unsupported
    #endif
} catch {
    end(error.sentence)
}
