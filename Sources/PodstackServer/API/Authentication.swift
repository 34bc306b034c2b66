import PodstackAPI

/// Finds the credential of a request: exactly one, in the `Authorization` header, never in the URL.
enum Authentication {
    static func token(of request: Request) throws -> Substring.UTF8View {
        try refuseTokenInURL(request)
        var credential: String?
        for header in request.headers where header.name == "authorization" {
            guard credential == nil else { throw ErrorResponse.badRequest("There are two Authorization headers") }
            credential = header.value
        }
        guard let credential else { throw DomainError.unauthenticated(.missing) }
        let end = credential.utf8.firstIndex(of: UInt8(ascii: " ")) ?? credential.endIndex
        guard isBearer(credential[..<end].utf8) else { throw DomainError.unauthenticated(.missing) }
        guard end < credential.endIndex else { throw DomainError.unauthenticated(.malformed) }
        return credential[credential.utf8.index(after: end)...].utf8
    }

    private static func isBearer(_ scheme: Substring.UTF8View) -> Bool {
        scheme.count == 6 && scheme.elementsEqual("bearer".utf8) { $0 | 0x20 == $1 }
    }

    private static func refuseTokenInURL(_ request: Request) throws {
        let names = ["access_token", "api_token", "token"]
        for (name, value) in request.query where names.contains(name) || value.hasPrefix("podstack_") {
            throw ErrorResponse.badRequest(
                "A token must not be in the URL, where logs keep it: send it as a header, and revoke this one")
        }
    }
}
