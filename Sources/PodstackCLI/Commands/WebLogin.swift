import Podstack

/// `podstack auth login --web`: a page in a browser, here or elsewhere, where somebody approves.
struct WebLogin {
    private let invocation: Invocation
    private var context: Context { invocation.context }

    init(_ invocation: Invocation) throws {
        guard invocation.token == nil else {
            throw UsageError("--web and --token cannot both be given: --web gets a token of its own")
        }
        self.invocation = invocation
    }

    func run() async throws -> ExitStatus {
        // What would be in the way later is said before somebody approves in vain.
        try Command.checkNothingHides(invocation)
        try await StoredToken(invocation).check(usingKeyring: invocation.arguments.has("use-keyring"))
        let login = try DeviceLogin(
            apiEndpoint: try Command.endpointOfProfile(invocation), environment: context.environment,
            transport: context.transport, time: context.time, onEvent: invocation.eventLog)
        let request = try await login.begin(clientName: ClientName.make(context.environment))
        try show(request)
        let secret = try await approved(request)
        let client = try secret.withSecret {
            try invocation.client(token: $0, endpoint: login.apiEndpoint.value.url)
        }
        do {
            let user = try await client.auth.whoami()
            try await Command.store(secret, for: login.apiEndpoint, user, invocation)
        } catch {
            // Nobody has it: better none than one that only the list of tokens knows.
            try? await client.auth.revoke()
            throw error
        }
        return .done
    }

    private func show(_ request: DeviceLoginRequest) throws {
        let page = request.verificationURIComplete
        // It is given to a browser, which can be asked for more than pages.
        guard ["https://", "http://"].contains(where: page.hasPrefix), page.utf8.allSatisfy({ 0x21...0x7E ~= $0 })
        else {
            throw CommandError(message: "the service names no page to open, but \"\(page)\"")
        }
        let code = Table.printable(request.userCode)
        context.standardError("Open this page in any browser:  \(page)\n")
        context.standardError("It must show this code:         \(code)\n")
        context.openPage?(page)
    }

    private func approved(_ request: DeviceLoginRequest) async throws -> APIToken {
        context.onInterrupt("\nInterrupted: nothing was stored. If you approved already, revoke the token.\n")
        let showsProgress = context.showsProgress && !invocation.arguments.has("quiet")
        defer {
            context.onInterrupt(nil)
            if showsProgress { context.standardError("\r\u{1B}[K") }
        }
        let standardError = context.standardError
        return try await request.token { left in
            guard showsProgress else { return }
            let (minutes, seconds) = left.components.seconds.quotientAndRemainder(dividingBy: 60)
            standardError(
                "\r\u{1B}[KWaiting for your decision there, \(minutes):\(seconds < 10 ? "0" : "")\(seconds) left")
        }.secret
    }
}
