/// Why the keyring did not do it, and what to do about that, in one sentence.
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
            "there is no desktop session, so no keyring, here (no D-Bus session bus answers): "
                + "run it in one, or under dbus-run-session with a keyring"
        case .noService:
            "no keyring answers in this session: install and start one, such as gnome-keyring or KWallet"
        case .locked: "the keyring is locked, and nobody unlocked it: unlock it, then try again"
        case .absent: "the keyring does not hold this token any more: \"podstack auth login --use-keyring\" stores one"
        case .refused(let why): "the keyring refused it: \(why)"
        case .unsupported: "this system has no Secret Service: keyrings are for Linux desktops so far"
        }
    }
}
