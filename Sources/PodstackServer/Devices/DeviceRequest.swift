import PodstackAPI

/// A program's request for a token, from its start until a user has decided and the program has fetched the token.
struct DeviceRequest: Sendable {
    enum State: Sendable, Equatable {
        case pending
        case approved(userID: String)
        case denied
        /// The program has fetched the token.
        case done(userID: String)
    }

    var id: String
    var clientName: String
    /// Nil for all scopes.
    var scopes: [Scope]?
    /// The secret that the program generated; nil if the service generates it.
    var clientSecret: ClientSecret?
    var createdAt: Int64
    var expiresAt: Int64
    /// The fewest seconds between two polls.
    var interval: Int64
    var lastPolledAt: Int64?
    /// The address of the program, for the user's decision.
    var address: String
    var userAgent: String?
    var state = State.pending

    /// Seconds for which a request waits for a decision and for the program.
    static let lifetimeSeconds: Int64 = 600
    static let firstInterval: Int64 = 5

    /// Returns whether the request is over; also if it is from the future, when the clock was ahead.
    func isExpired(at now: Int64) -> Bool { expiresAt <= now || createdAt - now > StoredTime.toleranceSeconds }
}

/// The ID and the digest of a token that a client generated.
struct ClientSecret: Sendable, Equatable {
    var id: String
    var sha256: [UInt8]
}

/// A valid request to start the device flow.
struct DeviceAuthorizationRequest: Sendable, Equatable {
    /// The values of a request before they are validated; nil for a value that is missing.
    struct Values: Sendable {
        var clientName: String?
        var scopes: [String]?
        /// The ID and the hex digest of a token that the program generated.
        var id: String?
        var sha256: String?
    }

    private(set) var clientName: String
    private(set) var scopes: [Scope]?
    private(set) var clientSecret: ClientSecret?

    /// Validates the values of a request.
    ///
    /// - Parameters:
    ///   - values: The values of the request.
    ///   - problems: Problems of fields that were found when the values were read.
    /// - Throws: ``DomainError/invalid(_:)`` with the problems of all fields.
    init(_ values: Values, problems: FieldErrors = FieldErrors()) throws(DomainError) {
        var problems = problems
        clientName = ""
        if let text = values.clientName {
            clientName =
                problems.collect("client_name") { () throws(InvalidValue) in
                    try ResourceName.validate(text)
                } ?? ""
        } else {
            problems.addMissing("client_name")
        }
        scopes = problems.collectScopes(values.scopes)
        if case (let id?, let sha256?) = problems.collectClientSecret(id: values.id, sha256: values.sha256) {
            clientSecret = ClientSecret(id: id, sha256: sha256)
        }
        try problems.throwIfAny()
    }
}

/// The code that a user reads on the device and types into a browser, such as `WDJB-MJHT`.
///
/// Source: RFC 8628, section 6.1: without vowels, so that it spells no words, and without letters that look alike.
enum UserCode {
    private static let letters = Array("BCDFGHJKLMNPQRSTVWXZ".utf8)
    private static let length = 8

    static func generate() -> String {
        var generator = SecureGenerator()
        return text((0..<length).map { _ in letters[Int.random(in: letters.indices, using: &generator)] })
    }

    /// Returns a typed code in its canonical form, or nil if it is not a code.
    ///
    /// Case and width do not matter, nor do dashes, spaces, other punctuation and invisible characters: phones and
    /// editors replace the hyphen by other dashes, and copied text brings characters of its own.
    ///
    /// Source: RFC 8628, section 6.1.
    static func parse(_ typed: String) -> String? {
        guard typed.utf8.count <= 128 else { return nil }
        var code: [UInt8] = []
        for scalar in typed.unicodeScalars where !isSeparator(scalar) {
            guard let letter = letter(scalar), letters.contains(letter) else { return nil }
            code.append(letter)
        }
        return code.count == length ? text(code) : nil
    }

    /// Returns an ASCII letter in upper case, also for a full-width one; nil for any other character.
    private static func letter(_ scalar: Unicode.Scalar) -> UInt8? {
        let value = (0xFF21...0xFF5A).contains(scalar.value) ? scalar.value - 0xFEE0 : scalar.value
        switch value {
        case 0x41...0x5A: return UInt8(value)
        case 0x61...0x7A: return UInt8(value - 0x20)
        default: return nil
        }
    }

    private static func isSeparator(_ scalar: Unicode.Scalar) -> Bool {
        switch scalar.properties.generalCategory {
        case .dashPunctuation, .connectorPunctuation, .openPunctuation, .closePunctuation, .initialPunctuation,
            .finalPunctuation, .otherPunctuation, .spaceSeparator, .lineSeparator, .paragraphSeparator, .format:
            true
        default:
            scalar.properties.isWhitespace || dashLookalikes.contains(scalar)
                || scalar.properties.isDefaultIgnorableCodePoint
        }
    }

    /// The minus sign, and the letters that keyboards of Chinese and Japanese have in the place of the hyphen.
    private static let dashLookalikes: Set<Unicode.Scalar> = [
        "\u{2212}", "\u{02D7}", "\u{30FC}", "\u{FF70}", "\u{2500}", "\u{2501}", "\u{4E00}",
    ]

    private static func text(_ code: [UInt8]) -> String {
        String(decoding: code.prefix(4), as: UTF8.self) + "-" + String(decoding: code.dropFirst(4), as: UTF8.self)
    }
}

// MARK: - Audit log

extension DeviceRequest {
    /// The values that the audit log records of a request.
    var audited: [String: JSONValue] {
        [
            "client_name": .string(clientName), "scopes": .array((scopes ?? [.all]).map { .string($0.description) }),
            "address": .string(address),
        ]
    }
}

extension AuditResource {
    init(_ request: DeviceRequest, accountID: String) {
        self.init(type: "device", id: request.id, name: request.clientName, accountID: accountID)
    }
}
