/// What a client tells whoever passed `onEvent:`. Never holds a secret.
public enum ClientEvent: Sendable, Hashable {
    case requestStarted(method: String, path: String)
    /// An answer came, whatever its status; `duration` is of this try alone.
    case requestFinished(method: String, path: String, status: Int, duration: Duration)
    /// It is sent again after `delay`; `retry` counts from 1.
    case requestRetried(method: String, path: String, retry: Int, delay: Duration, reason: String)
    /// The service refused the token, its source holds a new one now, and the request was sent again with that.
    case tokenReloaded(origin: String)
    /// Fewer than 14 days are left; told once by a client. `expiresAt` is ISO 8601, UTC.
    case tokenExpiring(expiresAt: String, secondsLeft: Int)
    /// Something that works but should be changed, as one sentence.
    case warning(String)
}
