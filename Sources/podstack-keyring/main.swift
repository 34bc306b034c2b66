import PodstackSystem

#if canImport(Glibc)
    import Glibc
#elseif canImport(Musl)
    import Musl
#elseif canImport(Darwin)
    import Darwin
#endif

// A separate program, so that `podstack` does not load libsecret and GLib, which takes longer than all its other work.

let usage = """
    Usage: podstack-keyring COMMAND

      get ENTRY            print the token of an entry in the format of a credential_process
      store ENTRY [LABEL]  store the token on standard input in an entry, in place of its former token
      erase ENTRY          remove an entry, if it exists
      check                check that there is a keyring, and unlock it

    Stores the tokens of "podstack auth login --use-keyring" in the keyring of the desktop (Secret Service).

    """

/// Writes all of `text`, or ends the program.
func write(_ text: String, to descriptor: Int32) {
    var rest = Array(text.utf8)[...]
    while !rest.isEmpty {
        let count = rest.withUnsafeBytes { write(descriptor, $0.baseAddress, $0.count) }
        if count < 0 && errno == EINTR { continue }
        if count <= 0 { exit(1) }
        rest = rest.dropFirst(count)
    }
}

/// Writes an error and ends the program.
func fail(_ sentence: String, status: Int32 = 1) -> Never {
    write(sentence + "\n", to: 2)
    exit(status)
}

/// Returns the token on standard input; nil when the input is not a token.
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

/// Returns a token as a JSON string.
///
/// Only quotes and backslashes need escaping, because it is printable ASCII.
func quoted(_ token: String) -> String {
    "\"" + token.map { $0 == "\"" || $0 == "\\" ? "\\\($0)" : "\($0)" }.joined() + "\""
}

ProcessStart.prepare()
let words = ProcessStart.arguments.map { SystemText.displayed($0) }
if words == ["--help"] || words == ["-h"] {
    write(usage, to: 1)
    exit(0)
}
let counts = ["get": 2...2, "store": 2...3, "erase": 2...2, "check": 1...1]
guard let command = words.first, counts[command]?.contains(words.count) == true, words.dropFirst().first != "" else {
    fail(usage.dropLast().description, status: 2)
}
do throws(KeyringFailure) {
    #if os(Linux)
        switch command {
        case "get":
            let token = try Keyring().secret(of: words[1])
            write("{\"version\": 1, \"api_token\": \(quoted(token))}\n", to: 1)
        case "store":
            guard let token = readToken() else { fail("standard input does not contain a token") }
            try Keyring().store(token, as: words[1], label: words.count == 3 ? words[2] : nil)
        case "erase": try Keyring().erase(words[1])
        default: try Keyring().unlock()
        }
    #else
        throw .unsupported
    #endif
} catch {
    fail(error.sentence)
}

/// The reason why the keyring did not carry out a command, and what to do about it.
enum KeyringFailure: Error {
    case noSession
    case noService
    case locked
    case absent
    case refused(String)
    case unsupported

    var sentence: String {
        switch self {
        case .noSession:
            "there is no desktop session, and so no keyring (no D-Bus session bus responds): "
                + "run this in a session, or under dbus-run-session with a keyring"
        case .noService:
            "no keyring responds in this session: install and start one, such as gnome-keyring or KWallet"
        case .locked: "the keyring is locked, and was not unlocked: unlock it, then try again"
        case .absent: "the keyring does not have this token any more: \"podstack auth login --use-keyring\" stores one"
        case .refused(let reason): "the keyring reported an error: \(reason)"
        case .unsupported: "this system has no Secret Service: keyrings are supported only on Linux desktops"
        }
    }
}
