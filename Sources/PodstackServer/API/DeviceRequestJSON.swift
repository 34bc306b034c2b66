import PodstackAPI

extension DeviceAuthorizationRequest {
    /// Reads the body of `POST /v1/device/code`.
    init(json fields: [String: JSONValue]) throws {
        var reader = FieldReader(fields, of: "a device request", known: ["client_name", "scopes", "id", "sha256"])
        var values = Values()
        values.clientName = reader.takeString("client_name")
        values.scopes = reader.takeStrings("scopes")
        (values.id, values.sha256) = reader.takeClientSecret()
        try self.init(values, problems: reader.problems)
    }
}

/// The body of `POST /v1/device/token`.
enum DevicePoll {
    /// Reads the device code.
    static func deviceCode(json fields: [String: JSONValue]) throws -> String {
        var reader = FieldReader(fields, of: "a request for a token", known: ["device_code"])
        reader.require("device_code")
        let code = reader.take("device_code") { value throws(InvalidValue) in
            guard let text = value.stringValue, text.utf8.count <= 100 else {
                throw InvalidValue("must be the device_code of an earlier response")
            }
            return text
        }
        try reader.finish()
        return code ?? ""
    }
}
