/// No answer came: no connection, a time-out, a broken answer.
public struct NetworkError: PodstackError, Equatable {
    public var message: String
}
