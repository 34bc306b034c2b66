import PodstackAPI

/// Finds the token of a request: exactly one, in the `Authorization` header, never in the URL.
enum Authentication {
    /// Returns the bytes of the token, which is not verified yet.
    ///
    /// - Throws: ``DomainError/unauthenticated(_:)`` if there is no token, or ``ErrorResponse`` if there are two.
    static func token(of request: Request) throws -> Substring.UTF8View {
        try rejectTokenInURL(request)
        var credential: String?
        for header in request.headers where header.name == "authorization" {
            guard credential == nil else { throw ErrorResponse.badRequest("The request has two Authorization headers") }
            credential = header.value
        }
        guard let credential else { throw DomainError.unauthenticated(.missing) }
        let bytes = credential.utf8
        let end = bytes.firstIndex(of: UInt8(ascii: " ")) ?? bytes.endIndex
        guard isBearer(credential[..<end].utf8) else { throw DomainError.unauthenticated(.missing) }
        // One or more spaces. Source: RFC 9110, section 11.4.
        var start = end
        while start < bytes.endIndex, bytes[start] == UInt8(ascii: " ") { start = bytes.index(after: start) }
        guard start < bytes.endIndex else { throw DomainError.unauthenticated(.malformed) }
        return credential[start...].utf8
    }

    private static func isBearer(_ scheme: Substring.UTF8View) -> Bool {
        scheme.count == 6 && scheme.elementsEqual("bearer".utf8) { $0 | 0x20 == $1 }
    }

    private static func rejectTokenInURL(_ request: Request) throws {
        let names = ["access_token", "api_token", "token"]
        for (name, value) in request.query where names.contains(name) || value.hasPrefix("podstack_") {
            throw ErrorResponse.badRequest(
                "A token must not be in the URL, because logs contain URLs: send it in the Authorization header, and "
                    + "revoke this one")
        }
    }
}

// MARK: - Actor and origin

// No domain function takes a request: these create the domain's view of its sender.

extension Origin {
    /// Creates the origin of a request.
    init(_ request: Request) {
        self.init(address: request.address, userAgent: request.header("user-agent").map(Self.limitedUserAgent))
    }
}

extension Actor {
    /// Creates the actor of a request; without an identity, only its origin is known.
    init(_ request: Request, _ identity: Identity?) {
        self.init(
            userID: identity?.token.userID, email: identity?.email, tokenID: identity?.token.id,
            secretDigest: identity?.secretDigest, origin: Origin(request))
    }
}
