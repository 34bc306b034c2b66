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

extension Pod {
    /// A pod with a GPU that runs.
    public static let sample = Pod(
        id: "pod_00000000000000000001", name: "trainer", projectID: Project.sample.id, image: "pytorch/pytorch:latest",
        gpuType: "A100", gpuCount: 1, cpu: 4, memory: 16, disk: 50,
        ports: [Port(containerPort: 8888, address: "127.0.0.1:49153")], env: ["EPOCHS"], command: "python train.py",
        volumes: [VolumeMount(volumeID: Volume.sample.id, mountPath: "/data")], labels: ["team": "vision"],
        status: .running, node: "gpu-1", createdAt: time, startedAt: time.addingTimeInterval(5), pricePerHour: 2.5,
        cost: 0.75, limits: Limits(stopAfter: 7200, maxCost: 5), createdBy: .sample, isStale: false)

    /// The sample after its image could not be pulled.
    public static let failedSample: Pod = {
        var pod = sample
        (pod.status, pod.statusReason, pod.startedAt) = (.failed, "the image does not exist", nil)
        (pod.node, pod.ports, pod.cost) = (nil, [Port(containerPort: 8888)], .zero)
        return pod
    }()
}

extension Pod.Creator {
    /// The sample user with the sample token.
    public static let sample = Pod.Creator(
        userID: User.sample.id, email: User.sample.email, tokenID: Token.sample.id)
}

extension PodEvent {
    /// The start of the sample pod.
    public static let sample = PodEvent(
        timestamp: time.addingTimeInterval(5), type: "started", message: "The pod was started")
}

extension PodMetrics {
    /// A measurement of the sample pod.
    public static let sample = PodMetrics(
        timestamp: time.addingTimeInterval(60), gpuUtilization: 87.5, gpuMemoryUsed: 32 << 30, gpuMemoryTotal: 80 << 30,
        cpuUsage: 250, memoryUsed: 4 << 30, memoryTotal: 16 << 30)
}

extension PodExecResult {
    /// The result of a command that succeeded.
    public static let sample = PodExecResult(
        exitCode: 0, stdout: "GPU 0: NVIDIA A100\n", stderr: "", isTruncated: false)
}

extension Volume {
    /// The volume that the sample pod mounts.
    public static let sample = Volume(
        id: "vol_00000000000000000001", name: "datasets", projectID: Project.sample.id, createdAt: time,
        createdBy: .sample, podIDs: ["pod_00000000000000000001"])
}

extension GPU {
    /// A type of GPU of which some are free.
    public static let sample = GPU(id: "A100", memory: 80, total: 8, available: 3, pricePerHour: 2.5)
}

extension Wallet {
    /// A wallet with a balance.
    public static let sample = Wallet(balance: 37.5, credited: 100, spent: 62.5, spentThisMonth: 12.25)
}

extension Usage {
    /// The usage of a day with one pod.
    public static let sample = Usage(
        from: time, to: time.addingTimeInterval(86_400), groupBy: .day,
        rows: [Row(key: "2030-03-17", seconds: 7200, gpuSeconds: 7200, cost: 5)], totalCost: 5)
}

extension SpendLimit {
    /// A limit of 50 in a month.
    public static let sample = SpendLimit(amount: 50, period: .month)
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
        .gpuNotAvailable(type: "B300", availableTypes: ["A100", "H100"]),
        .wrongState(current: "stopped", required: "running"), .execTimeout,
        .quotaExceeded(resourceType: "tokens", limit: 5, current: 5), .rateLimited(retryAfter: 5), .server(),
        .network(),
    ]
}
