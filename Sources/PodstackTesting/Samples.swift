public import Podstack
import PodstackAPI

#if canImport(FoundationEssentials)
    import FoundationEssentials
#else
    import Foundation
#endif

// Values as the service returns them, for tests of code that displays or stores them. The samples belong together: they
// are of one user, one project and one token. Change a copy where a test needs another value.

private let time = Date(timeIntervalSince1970: 1_900_000_000)

extension User {
    /// A user with a token and a default project.
    public static let sample = User(
        id: "usr_00000000000000000001", email: "you@example.com", name: "You", accountID: "acc_00000000000000000001",
        createdAt: time, token: .sample, defaultProjectID: Project.sample.id)
}

extension Token {
    /// An active token with two scopes that expires 30 days after its creation.
    public static let sample = Token(
        id: "abc12345", name: "CI", scopes: [.projectsRead, .pods(.all)], createdAt: time,
        expiresAt: time.addingTimeInterval(30 * 86_400), lastUsedAt: time.addingTimeInterval(3600),
        rotateBy: time.addingTimeInterval(90 * 86_400))

    /// The sample after its expiry.
    public static let expiredSample = with { $0.status = .expired }

    /// The sample after it was revoked.
    public static let revokedSample = with {
        ($0.status, $0.revokedAt) = (.revoked, time.addingTimeInterval(7200))
    }

    private static func with(_ change: (inout Token) -> Void) -> Token {
        var token = sample
        change(&token)
        return token
    }
}

extension APIToken {
    /// A well-formed token with the ID of `Token.sample`, which no service accepts.
    public static let sample: APIToken = {
        var generator = FixedNumbers()
        return APIToken(TokenFormat.generateToken(id: Token.sample.id, using: &generator))
    }()

    /// "Random" numbers that are always the same ones, so that the sample is too.
    private struct FixedNumbers: RandomNumberGenerator {
        private var state: UInt64 = 1

        mutating func next() -> UInt64 {
            state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
            return state ^ (state >> 29)
        }
    }
}

extension Credential {
    /// The sample token with its expiry.
    public static let sample = Credential(.sample, expiresAt: Token.sample.expiresAt)
}

extension Project {
    /// The default project, of which the user is an admin.
    public static let sample = Project(
        id: "prj_00000000000000000001", name: "training", description: "GPU jobs", createdAt: time, role: .admin,
        permissions: [.create, .read, .update, .delete], isDefault: true)
}

extension Member {
    /// A member with two permissions.
    public static let sample = Member(
        userID: "usr_00000000000000000002", email: "colleague@example.com", name: "Colleague", role: .user,
        permissions: [.create, .read], addedAt: time)
}

extension Invitation {
    /// An invitation to the sample project.
    public static let sample = Invitation(
        projectID: Project.sample.id, projectName: Project.sample.name, role: .user, permissions: [.read],
        invitedBy: User.sample.email, createdAt: time, expiresAt: time.addingTimeInterval(86_400))
}

extension AuditEvent {
    /// The creation of the sample token.
    public static let sample = AuditEvent(
        id: "evt_00000000000000000001", createdAt: time, action: "token_created", resourceType: "token",
        resourceID: Token.sample.id, resourceName: Token.sample.name, userID: User.sample.id,
        userEmail: User.sample.email, tokenID: Token.sample.id, ipAddress: "192.0.2.1", userAgent: "podstack-swift",
        details: ["name": "CI"])
}

extension Permission {
    /// An action that is allowed.
    public static let sample = Permission(scope: .projectsCreate, projectID: Project.sample.id)

    /// An action that the token's scopes do not allow.
    public static let deniedSample = Permission(
        scope: .projectsCreate, projectID: Project.sample.id,
        missing: [
            Missing(
                code: .insufficientScope, message: "Access denied to resource: the token lacks projects:create")
        ])
}

extension ListPage where Element == Token {
    /// A page with the sample token, which is followed by another page.
    public static var sample: ListPage { ListPage(elements: [.sample], nextCursor: "1900000000-abc12345") }
}

extension DeviceLoginRequest {
    /// A login that waits for the code `WDJB-MJHT`, and whose user approves it at once.
    public static let sample = DeviceLoginRequest(
        userCode: "WDJB-MJHT", verificationURI: "https://dashboard.podstack.ai/device"
    ) { (.sample, .sample) }
}

extension DocumentedFailure {
    /// Every documented failure.
    public static let samples: [DocumentedFailure] = [
        .invalidToken, .malformedToken, .expiredToken(), .revokedToken(), .rotatedToken(),
        .insufficientScope("projects:create"), .projectForbidden(Project.sample.id),
        .notFound(type: "project", id: Project.sample.id), .validation(["name": ["is missing"]]),
        .insufficientBalance(required: 10, available: 2.5),
        .quotaExceeded(resourceType: "tokens", limit: 5, current: 5), .rateLimited(retryAfter: 5), .server(),
        .network(),
    ]
}
