import PodstackAPI

/// A checked body of `POST /v1/tokens/{id}/rotate`.
struct RotationRequest {
    static let longestGrace = 604_800
    private static let graces = 0...longestGrace
    private static let standardGrace = 3600

    var graceSeconds: Int64
    /// Of a secret that the caller made; nil lets the service make it.
    var sha256: [UInt8]?

    /// Throws one 422 that names every field that is wrong.
    init(_ fields: [String: JSONValue], tokenID: String) throws {
        var reader = FieldReader(fields, of: "a rotation", known: ["id", "sha256", "grace_seconds"])
        let made = reader.takeMadeByCaller()
        if let id = made.id, id != tokenID { reader.refuse("id", "must be the id of the token that is rotated") }
        sha256 = made.sha256
        let grace = reader.take("grace_seconds") { value throws(InvalidValue) in
            guard let seconds = value.integerValue, Self.graces.contains(seconds) else {
                throw InvalidValue("must be a number of seconds from 0 to 604800, 7 days")
            }
            return seconds
        }
        graceSeconds = Int64(grace ?? Self.standardGrace)
        try reader.finish()
    }
}
