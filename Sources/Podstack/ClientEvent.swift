/// What a client tells whoever passed `onEvent:`. Never holds a secret.
public enum ClientEvent: Sendable, Hashable {
    case requestStarted(method: String, path: String)
    case requestFinished(method: String, path: String, status: Int)
    /// Something that works but should be changed, as one sentence.
    case warning(String)
}
