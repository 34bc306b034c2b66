import PodstackAPI

/// A checked body of `POST /v1/device/code`.
struct DeviceRequestFields {
    var clientName: String
    var scopes: [Scope]?
    var made: (id: String, sha256: [UInt8])?

    /// Throws one 422 that names every field that is wrong.
    init(_ fields: [String: JSONValue]) throws {
        var reader = FieldReader(
            fields, of: "a device request", known: ["client_name", "scopes", "id", "sha256"])
        reader.require("client_name")
        clientName = reader.take("client_name", TokenFields.name) ?? ""
        scopes = reader.take("scopes", TokenFields.scopes)
        if case (let id?, let sha256?) = reader.takeMadeByCaller() { made = (id, sha256) }
        try reader.finish()
    }
}
