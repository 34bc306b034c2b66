import PodstackAPI

/// Finds the credential of a request: exactly one, in the `Authorization` header, never in the URL.
enum Authentication {
    static func token(of request: Request) throws -> Substring.UTF8View {
        try refuseTokenInURL(request)
        var credential: String?
        for header in request.headers where header.name == "authorization" {
            guard credential == nil else { throw APIError.badRequest("There are two Authorization headers") }
            credential = header.value
        }
        guard let credential else { throw Refusal.missing }
        let parts = credential.utf8.split(separator: UInt8(ascii: " "), maxSplits: 1)
        guard let scheme = parts.first, isBearer(scheme) else { throw Refusal.missing }
        guard parts.count == 2, let token = Substring(parts[1]) as Substring? else { throw Refusal.malformed }
        return token.utf8
    }

    private static func isBearer(_ scheme: Substring.UTF8View) -> Bool {
        scheme.count == 6 && zip(scheme, "bearer".utf8).allSatisfy { $0 | 0x20 == $1 }
    }

    private static func refuseTokenInURL(_ request: Request) throws {
        let names = ["access_token", "api_token", "token"]
        for (name, value) in request.query where names.contains(name) || value.hasPrefix("podstack_") {
            throw APIError.badRequest(
                "A token must not be in the URL, where logs keep it: send it as a header, and revoke this one")
        }
    }
}
