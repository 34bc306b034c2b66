import Podstack
import PodstackAPI
import PodstackCommandLine
import PodstackSystem

/// Writes the findings of a scan while it runs, and its summary at the end.
final class ScanReport {
    private struct Unreadable: Encodable {
        var path: String
        var reason: String
    }

    private struct Document: Encodable {
        var findings: [ScanFinding]
        var unreadable: [Unreadable]
        /// The repositories whose history was not searched.
        var unsearched: [String]
        var files: Int
        /// The number of objects of Git; nil if none were searched.
        var objects: Int?
        var bytes: Int
        /// The public prefixes of the tokens that were reported; nil without `--report`.
        var reported: [APIToken]?
    }

    private let invocation: Invocation
    private let counts = ScanCounts()
    private let progress: ProgressLine
    /// Whether each finding is a line, written at once, and not a part of one JSON or YAML document.
    private let writesLines: Bool
    private var found = 0
    /// The tokens that were found, each once, in the order of their first finding.
    private var tokens: [APIToken] = []
    private var knownTokens: Set<APIToken> = []
    private var findings: [ScanFinding] = []
    private var unreadable: [Unreadable] = []
    private var repositories: [String] = []
    private var hasWarnedOfArchives = false

    init(_ invocation: Invocation) {
        self.invocation = invocation
        progress = ProgressLine(write: invocation.context.standardError)
        writesLines = [.table, .wide].contains(invocation.format)
    }

    func run(_ request: ScanRequest) async throws -> ExitStatus {
        let excluded = try IgnoreRules(invocation.arguments.all("exclude") ?? [])
        let archives = ArchiveSupport(
            isOn: !invocation.arguments.has("no-archives"), library: invocation.context.archiveLibrary)
        // An endpoint that cannot be used is reported before the search, which may take long.
        let reporter = invocation.arguments.has("report") ? try TokenReporter(invocation) : nil
        try await withProgress {
            switch request {
            case .paths(let paths):
                let scan = PathScan(
                    input: invocation.context.inputDescriptor, excluded: excluded, archives: archives, counts: counts)
                await scan.run(paths) { self.report($0) }
            case .repository(let folder):
                let git = GitProgram(in: folder, invocation.context.environment, isInHook: false)
                let scan = GitScan(git: git, excluded: excluded, archives: archives, counts: counts)
                try await scan.searchAll { self.report($0) }
            case .staged(let folder):
                let git = GitProgram(in: folder, invocation.context.environment, isInHook: true)
                let scan = GitScan(git: git, excluded: excluded, archives: archives, counts: counts)
                try scan.searchStaged { self.report($0) }
            }
        }
        return try await finish(reporter)
    }

    private func finish(_ reporter: TokenReporter?) async throws -> ExitStatus {
        var failure: (any Error)?
        do { try await reporter?.report(tokens) } catch { failure = error }
        if !writesLines {
            try invocation.write(
                Document(
                    findings: findings, unreadable: unreadable, unsearched: repositories, files: counts.files,
                    objects: counts.objects > 0 ? counts.objects : nil, bytes: counts.bytes,
                    reported: reporter == nil ? nil : failure == nil ? tokens : [])
            ) { "" }
        }
        informAboutRepositories()
        invocation.inform("Found \(found) \(found == 1 ? "token" : "tokens") in \(counts.text)")
        if let failure { throw failure }
        if reporter == nil, let first = tokens.first {
            let id = first.withSecret { TokenFormat.id(of: $0) } ?? ""
            invocation.inform("Revoke each token now: podstack token revoke \(id), or scan with --report")
        }
        return found > 0 ? .failure : unreadable.isEmpty ? .success : .usage
    }

    /// Shows the counts while `body` runs, if that takes more than a second.
    private func withProgress(_ body: () async throws -> Void) async throws {
        let context = invocation.context
        guard context.showsProgress else { return try await body() }
        let ticker = Task { [progress, counts] in
            try await context.time.sleep(.seconds(1))
            while !Task.isCancelled {
                progress.show(counts.progress())
                try await context.time.sleep(.milliseconds(200))
            }
        }
        let result: Result<Void, any Error>
        do { result = .success(try await body()) } catch { result = .failure(error) }
        ticker.cancel()
        _ = try? await ticker.value
        progress.clear()
        try result.get()
    }

    private func report(_ event: ScanEvent) {
        switch event {
        case .found(let finding):
            found += 1
            if knownTokens.insert(finding.token).inserted { tokens.append(finding.token) }
            if writesLines { progress.interrupt { invocation.print(finding.text) } } else { findings.append(finding) }
        case .unreadable(let path, let reason):
            unreadable.append(Unreadable(path: path, reason: reason))
            progress.interrupt { warn(path, reason) }
        case .repository(let path): repositories.append(path)
        }
    }

    private func warn(_ path: String, _ reason: String) {
        let reason = TerminalText.printable(TokenRedaction.redact(reason))
        guard reason == ContentScan.missingReason else {
            return invocation.warn("\(TerminalText.printable(path)) cannot be read: \(reason)")
        }
        // One warning is enough for a library that is missing for all files.
        guard !hasWarnedOfArchives else { return }
        hasWarnedOfArchives = true
        invocation.warn(
            """
            \(TerminalText.printable(path)) was not searched inside: \(reason); install \
            \(ContentScan.packageOfLibrary), or use --no-archives
            """)
    }

    private func informAboutRepositories() {
        guard let path = repositories.first else { return }
        let first = TerminalText.printable(path)
        // A path with characters that cannot be printed cannot be copied either.
        let argument = first.hasBytes(of: path) ? CommandWords.join([path]) : "PATH"
        let others = repositories.count > 1 ? ", nor was that of \(repositories.count - 1) more" : ""
        invocation.inform(
            """
            The history in \(first) was not searched\(others): it is compressed. This command searches it:
              podstack token scan --git \(argument)
            """)
    }
}

/// Reports leaked tokens to the service, which revokes those that are valid.
///
/// The report needs no token: possession of the leaked tokens is the proof.
struct TokenReporter {
    private let invocation: Invocation
    private let client: Client

    /// Resolves the endpoint; sends nothing.
    init(_ invocation: Invocation) throws {
        self.invocation = invocation
        let endpoint = try invocation.configuration().apiEndpoint
        client = try Client(
            credentials: .static(APIToken("")), apiEndpoint: endpoint.value.url,
            environment: invocation.context.environment, transport: invocation.context.transport,
            time: invocation.context.time, onEvent: invocation.eventLog)
    }

    /// Reports tokens, and says which.
    func report(_ tokens: [APIToken]) async throws {
        guard !tokens.isEmpty else { return }
        let endpoint = TerminalText.printable(client.configuration.apiEndpoint.value.url)
        let count = "\(tokens.count) \(tokens.count == 1 ? "token" : "tokens")"
        if invocation.asksForConfirmation {
            for token in tokens { invocation.inform("  \(token)") }
            try invocation.confirm("Report \(count) to \(endpoint), which revokes each valid one?")
        }
        try await client.tokens.report(tokens)
        for token in tokens { invocation.inform("Reported \(token) to \(endpoint)") }
        invocation.inform("Every reported token that was valid there is now revoked")
    }
}
