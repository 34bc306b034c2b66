public import Podstack
import PodstackAPI
import Synchronization

#if canImport(FoundationEssentials)
    import FoundationEssentials
#else
    import Foundation
#endif

/// The whole Podstack service in memory, for tests of code that uses the SDK.
///
/// ```swift
/// let service = FakeService()
/// let client = try service.client()
/// let project = try await client.projects.create(name: "training")
/// ```
///
/// It is a transport: no network, no server and no waiting. It knows tokens with scopes, expiry and rotation, projects,
/// members and invitations, the audit log, the device login, pods and volumes, the wallet, idempotent requests and pages,
/// and it rejects what the service rejects. The tests of this package run the same requests against it and against the real service.
///
/// It has one user, ``email``, and you can add others. Its time is that of ``clock``. IDs count up, so that a failing test
/// always shows the same ones.
public final class FakeService: Transport {
    /// The email address of the first user.
    public static let email = "you@example.com"

    /// The clock of the service and of its clients: advance it past an expiry or a grace period.
    public let clock: TestClock
    private let state: Mutex<FakeState>
    private let recorded = Mutex(Recorded())

    private struct Recorded {
        var requests: [TransportRequest] = []
        /// The faults of the next requests.
        var faults: [Fault] = []
    }

    private enum Fault: Sendable {
        case failure(DocumentedFailure)
        /// The request takes effect, and its response does not arrive.
        case lostResponse
    }

    /// Creates a service with one user and no token.
    ///
    /// - Parameters:
    ///   - clock: The clock of the service and of its clients.
    ///   - maxActiveTokens: The number of active tokens that an account may have (default: 5).
    ///   - maxProjects: The number of projects that an account may have (default: 100).
    ///   - maxPods: The number of pods that an account may have (default: 100).
    ///   - maxVolumes: The number of volumes that an account may have (default: 100).
    public init(
        clock: TestClock = TestClock(), maxActiveTokens: Int = 5, maxProjects: Int = 100, maxPods: Int = 100,
        maxVolumes: Int = 100
    ) {
        self.clock = clock
        var state = FakeState(now: Int(clock.date.timeIntervalSince1970))
        state.maxActiveTokens = maxActiveTokens
        state.maxProjects = maxProjects
        (state.engine.maxPods, state.engine.maxVolumes) = (maxPods, maxVolumes)
        _ = state.addUser(Self.email)
        self.state = Mutex(state)
    }

    // MARK: - Users and tokens

    /// Adds a user with an account and a default project.
    ///
    /// - Parameters:
    ///   - email: The email address.
    ///   - name: The name, or nil.
    /// - Returns: The user.
    @discardableResult
    public func addUser(_ email: String, name: String? = nil) -> User {
        change { $0.addUser(email, name: name).model }
    }

    /// Disables a user, whose tokens are then rejected, or enables the user again.
    ///
    /// - Parameters:
    ///   - email: The email address.
    ///   - isDisabled: Whether the user is disabled.
    public func setDisabled(_ email: String, _ isDisabled: Bool = true) {
        change { state in
            guard let index = state.users.firstIndex(where: { $0.email == email }) else { return }
            state.users[index].isDisabled = isDisabled
        }
    }

    /// Creates a token as the dashboard does, whatever the limits of the account.
    ///
    /// - Parameters:
    ///   - email: The email address of the user; a missing user is added.
    ///   - name: The name of the token.
    ///   - scopes: The permissions (default: all).
    ///   - projects: The IDs of the projects that the token is limited to; nil for all.
    ///   - expiry: The lifetime (default: 30 days).
    /// - Returns: The token.
    public func createToken(
        for email: String = FakeService.email, name: String = "test", scopes: [Scope] = [.all],
        projects: [Project.ID]? = nil, expiresIn expiry: TokenExpiry = .serviceDefault
    ) -> APIToken {
        change { state in
            let user = state.users.first { $0.email == email } ?? state.addUser(email)
            return state.issueToken(of: user, name: name, scopes: scopes, projects: projects, expiry: expiry)
        }
    }

    /// Creates a client with a new token of a user.
    ///
    /// - Parameters:
    ///   - email: The email address of the user; a missing user is added.
    ///   - scopes: The permissions of the token (default: all).
    ///   - projects: The IDs of the projects that the token is limited to; nil for all.
    ///   - projectID: The project that the client uses, or nil.
    /// - Returns: The client, whose time is that of ``clock``.
    /// - Throws: `ConfigurationError` if a setting is invalid.
    public func client(
        _ email: String = FakeService.email, scopes: [Scope] = [.all], projects: [Project.ID]? = nil,
        projectID: Project.ID? = nil
    ) throws -> Client {
        try client(token: createToken(for: email, scopes: scopes, projects: projects), projectID: projectID)
    }

    /// Creates a client with a token.
    ///
    /// - Parameters:
    ///   - token: The token, such as one that the service created.
    ///   - projectID: The project that the client uses, or nil.
    /// - Returns: The client, whose time is that of ``clock``.
    /// - Throws: `ConfigurationError` if a setting is invalid.
    public func client(token: APIToken, projectID: Project.ID? = nil) throws -> Client {
        try token.withSecret {
            try Client(
                apiToken: $0, projectID: projectID, environment: PodstackEnvironment([:]), transport: self,
                time: clock.time)
        }
    }

    // MARK: - Pods

    // A pod runs as soon as it is created or started, and its program never ends by itself.

    /// Sets the number and the price of a type of GPU, which the service lacks without this.
    ///
    /// - Parameters:
    ///   - type: The type, such as `A100`.
    ///   - count: The number of GPUs.
    ///   - memory: The memory of one GPU in gigabytes, or nil.
    ///   - price: The price of one GPU for an hour.
    public func setGPU(_ type: String, count: Int, memory: Int? = nil, pricePerHour price: Amount = .zero) {
        change {
            $0.engine.gpus[type] = GPU(id: type, memory: memory, total: count, available: count, pricePerHour: price)
        }
    }

    /// Adds an amount to the wallet of a user's account.
    ///
    /// - Parameters:
    ///   - amount: The amount.
    ///   - email: The email address of the user.
    public func credit(_ amount: Amount, to email: String = FakeService.email) {
        change { state in
            guard let user = state.users.first(where: { $0.email == email }) else { return }
            state.engine.credits[user.accountID] = (state.engine.credits[user.accountID] ?? .zero) + amount
        }
    }

    /// Changes a pod, such as to let it fail.
    ///
    /// - Parameters:
    ///   - id: The pod's ID.
    ///   - output: The output of the latest run; nil leaves it as it is.
    ///   - change: A closure that changes the pod.
    public func changePod(_ id: Pod.ID, output: String? = nil, _ change: @Sendable (inout Pod) -> Void = { _ in }) {
        self.change { state in
            guard let index = state.engine.pods.firstIndex(where: { $0.model.id == id }) else { return }
            let wasRunning = state.engine.pods[index].isRunning
            change(&state.engine.pods[index].model)
            if wasRunning, !state.engine.pods[index].isRunning, let last = state.engine.pods[index].runs.indices.last {
                state.engine.pods[index].runs[last].end = state.now
            }
            if let output { state.engine.pods[index].output = output }
        }
    }

    /// Sets the result of every command in a pod; without this, commands are refused.
    ///
    /// - Parameter exec: A closure that returns the result of a command in a pod.
    public func onExec(_ exec: @escaping @Sendable (_ pod: Pod, _ command: [String]) -> PodExecResult) {
        change { $0.engine.exec = exec }
    }

    // MARK: - Device login

    /// Approves the login of a program, as a user does in a browser.
    ///
    /// - Parameters:
    ///   - userCode: The code that the program displays.
    ///   - email: The email address of the user.
    /// - Returns: Whether a program waits for that code.
    @discardableResult
    public func approve(_ userCode: String, by email: String = FakeService.email) -> Bool {
        change { $0.decide(userCode, email, isApproved: true) }
    }

    /// Denies the login of a program, as a user does in a browser.
    ///
    /// - Parameters:
    ///   - userCode: The code that the program displays.
    ///   - email: The email address of the user.
    /// - Returns: Whether a program waits for that code.
    @discardableResult
    public func deny(_ userCode: String, by email: String = FakeService.email) -> Bool {
        change { $0.decide(userCode, email, isApproved: false) }
    }

    // MARK: - Faults

    /// Lets the next requests fail, before they take effect.
    ///
    /// - Parameters:
    ///   - failure: The failure.
    ///   - count: The number of requests.
    public func fail(with failure: DocumentedFailure, times count: Int = 1) {
        recorded.withLock { $0.faults += Array(repeating: .failure(failure), count: count) }
    }

    /// Loses the response to the next request, which takes effect.
    public func loseResponse() { recorded.withLock { $0.faults.append(.lostResponse) } }

    // MARK: - Transport

    /// The requests in the order in which they were sent.
    ///
    /// Printing them shows no secret.
    public var requests: [TransportRequest] { recorded.withLock { $0.requests } }

    /// Responds to a request.
    ///
    /// - Parameter request: The request.
    /// - Returns: The response.
    /// - Throws: `TransportFailure` if a fault was planned, `CancellationError` if the task is canceled.
    public func send(_ request: TransportRequest) async throws -> TransportResponse {
        try Task.checkCancellation()
        let fault = recorded.withLock { recorded -> Fault? in
            recorded.requests.append(request)
            return recorded.faults.isEmpty ? nil : recorded.faults.removeFirst()
        }
        if case .failure(let failure) = fault { return try failure.response() }
        let response = change { $0.respond(to: request) }
        if case .lostResponse = fault {
            throw TransportFailure(reason: "the response was lost", kind: .connectionLost)
        }
        return response
    }

    private func change<Value: Sendable>(_ body: (inout FakeState) -> Value) -> Value {
        let now = Int(clock.date.timeIntervalSince1970)
        return state.withLock { state in
            state.now = now
            return body(&state)
        }
    }
}
