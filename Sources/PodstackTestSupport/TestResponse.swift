package import PodstackAPI

/// A whole response, as a test reads it.
package struct TestResponse: Sendable {
    package var status: Int
    /// The header fields; names in lower case.
    package var headers: [String: String]
    /// The values of `Set-Cookie`, which may occur more than once.
    package var cookies: [String] = []
    package var body: String

    /// Returns the JSON body as a value.
    package func decoded<Value: Decodable>(_ type: Value.Type) throws -> Value {
        try APICoding.decode(type, from: Array(body.utf8))
    }

    /// The body of an error; nil of a success.
    package var error: ErrorBody? { try? decoded(ErrorBody.self) }
    /// The code of an error; nil of a success.
    package var code: String? { error?.code?.rawValue }
}
