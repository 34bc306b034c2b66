import Podstack
import PodstackAPI
import PodstackCommandLine
import PodstackSystem

#if canImport(FoundationEssentials)
    import FoundationEssentials
#else
    import Foundation
#endif

#if canImport(Glibc)
    import Glibc
#elseif canImport(Musl)
    import Musl
#elseif canImport(Darwin)
    import Darwin
#endif

/// `podstack auth doctor`: checks everything that authentication depends on.
struct AuthDoctor {
    static let command = Command(
        "auth", "doctor",
        summary: "Check what authentication depends on, and list what is wrong, most important first.",
        details: """
            It checks the credentials file and its mode, every source of a token, the endpoint, the proxy, the \
            certificates, the clock, whether the service accepts the token, and whether the project in use exists. \
            Changes nothing, and prints no secret. The exit status is 0 without problems and 1 with some.
            """,
        examples: ["podstack auth doctor", Example("podstack auth doctor --profile work -o json", "for programs")]
    ) { invocation in
        let report = try await AuthDoctor(invocation).run()
        try invocation.write(report) { report.text(isStyled: invocation.context.stylesOutput) }
        return report.problems == 0 ? .success : .failure
    }

    private let invocation: Invocation
    private var context: Context { invocation.context }

    init(_ invocation: Invocation) { self.invocation = invocation }

    private func run() async throws -> DoctorReport {
        var report = DoctorReport()
        checkFile(&report)
        checkTokens(&report)
        let endpoint = checkSettings(&report)
        checkProxy(&report)
        if let endpoint { await checkService(endpoint, &report) }
        return report
    }

    // MARK: - The credentials file

    private func checkFile(_ report: inout DoctorReport) {
        do {
            let path = try CredentialsFile.path(context.environment)
            let file = try CredentialsFile(path: path)
            guard file.isThere else {
                return report.add("credentials file", .note, "\(path) does not exist")
            }
            var isPrivate = true
            if let rights = file.rightsOfOthers {
                isPrivate = false
                report.add(
                    "mode", .critical, "other users can \(rights) \(path)",
                    "podstack config check --fix removes their access; if they may have read it, rotate the tokens")
            }
            for unknown in file.unknownKeys {
                report.add(
                    "credentials file", .warning,
                    "\(path):\(unknown.line): [\(unknown.profile)] has an unknown key \(Arguments.displayed(unknown.key))",
                    "podstack config check lists the mistakes of the file")
            }
            for profile in file.profileNames where file.value(.pendingAPIToken, profile: profile)?.isEmpty == false {
                report.add(
                    "credentials file", .warning, "[\(profile)] has an unfinished rotation",
                    "podstack auth refresh --profile \(profile) finishes it")
            }
            if let folder = Self.folderOfOthers(path) {
                isPrivate = false
                report.add("mode", .critical, "other users can replace the files in \(folder)", "chmod go-w \(folder)")
            }
            if isPrivate { report.add(.ok("credentials file", "\(path), which only you can access")) }
        } catch { report.add("credentials file", .critical, error) }
    }

    /// Returns the directory of a file if others may change it; nil if not, or if it protects the files of each user.
    private static func folderOfOthers(_ path: String) -> String? {
        let folder = path.lastIndex(byte: "/").map { String(path[..<$0]) } ?? "."
        var status = stat()
        guard stat(folder.isEmpty ? "/" : folder, &status) == 0 else { return nil }
        return status.st_mode & 0o022 != 0 && status.st_mode & S_ISVTX == 0 ? folder : nil
    }

    // MARK: - Tokens

    private func checkTokens(_ report: inout DoctorReport) {
        let found = TokenInspection.all(
            apiToken: invocation.token?.text, from: invocation.token?.source ?? TokenInput.flag,
            profile: invocation.arguments.value("profile"), environment: context.environment)
        for (index, inspection) in found.enumerated() {
            let isUsed = index == 0
            // A token that is not used cannot stop anything, but explains what the user may see.
            let level = isUsed ? DoctorReport.Level.critical : .warning
            let place = inspection.source.onCommandLine
            let name = isUsed ? "the token from \(place)" : "the unused token from \(place)"
            if let error = inspection.error {
                report.add("token", level, "\(name) cannot be read: \(ErrorReport(error).body.message)")
            } else if let defect = inspection.defect {
                report.add("token", level, "\(name) \(defect)", "podstack auth login stores a new token")
            } else if let suspicion = inspection.suspicion {
                report.add(
                    "token", level, "\(name) is probably not valid. \(suspicion)",
                    "Copy the whole token again, or create one with podstack auth login")
            } else if isUsed {
                let text = inspection.token.map { "\($0)" } ?? "of a command"
                report.add(.ok("token", "\(text), from \(place)"))
            } else {
                report.add("token", .note, "\(place) has a token too, which is not used")
            }
            if let rights = inspection.rightsOfOthers {
                report.add(
                    "mode", level, "other users can \(rights) the file of \(name)",
                    "chmod 600 makes it private; if they may have read it, rotate the token")
            }
            checkSpelling(inspection, name, &report)
        }
        checkOtherProfiles(than: found, &report)
    }

    /// Checks the tokens of the other profiles, which do not matter until they are selected.
    private func checkOtherProfiles(than found: [TokenInspection], _ report: inout DoctorReport) {
        // An invalid file has its own finding.
        guard let path = try? CredentialsFile.path(context.environment), let file = try? CredentialsFile(path: path)
        else { return }
        for inspection in TokenInspection.all(in: file) where !found.contains(where: { $0.source == inspection.source })
        {
            let name = "the token of another profile, from \(inspection.source.onCommandLine),"
            if let defect = inspection.defect { report.add("token", .warning, "\(name) \(defect)") }
            if let suspicion = inspection.suspicion {
                report.add("token", .warning, "\(name) is probably not valid. \(suspicion)")
            }
        }
    }

    /// Warns about whitespace, which podstack ignores but other programs send.
    private func checkSpelling(_ inspection: TokenInspection, _ name: String, _ report: inout DoctorReport) {
        guard case .environment(let variable) = inspection.source, let text = context.environment[variable],
            text.first?.isWhitespace == true || text.last?.isWhitespace == true
        else { return }
        report.add(
            "whitespace", .warning,
            "\(name) has whitespace around it, which podstack ignores and other programs may not",
            "Set \(variable) without it")
    }

    // MARK: - Settings

    /// Returns the endpoint; nil when the settings are invalid.
    private func checkSettings(
        _ report: inout DoctorReport
    ) -> ClientConfiguration.Setting<APIEndpoint>? {
        do {
            let configuration = try invocation.configuration()
            if let error = configuration.tokenError, !report.hasProblem(of: "token") {
                report.add("token", .critical, error)
            }
            for warning in configuration.warnings where !warning.contains("other users can") {
                report.add("settings", .warning, warning)
            }
            let endpoint = configuration.apiEndpoint
            report.add(.ok("endpoint", "\(endpoint.value.url), from \(endpoint.source.onCommandLine)"))
            return endpoint
        } catch {
            report.add("endpoint", .critical, error)
            return nil
        }
    }

    private func checkProxy(_ report: inout DoctorReport) {
        // The settings show no password, and only a proxy that requests go through.
        guard let row = (try? invocation.configuration())?.rows.first(where: { $0.name == "proxy" }),
            let source = row.source
        else { return }
        let name = source.onCommandLine
        if case .environment(let variable) = source,
            context.environment[variable]?.unicodeScalars.contains(where: \.properties.isWhitespace) == true
        {
            report.add("proxy", .warning, "\(name) contains whitespace", "Set \(name) without it")
        }
        report.add("proxy", .note, "requests go through \(row.value), which \(name) sets")
    }

    // MARK: - The service

    private func checkService(
        _ endpoint: ClientConfiguration.Setting<APIEndpoint>, _ report: inout DoctorReport
    ) async {
        let client: Client
        do { client = try invocation.client() } catch {
            // The settings were checked before; what is left is a token that is missing.
            if !report.hasProblem(of: "token") { report.add("token", .critical, error) }
            // The default endpoint was not chosen: the token that is missing may belong to another service.
            guard endpoint.source != .default else {
                return report.add("connection", .note, "not checked, because no token or endpoint is set")
            }
            return await checkConnection(endpoint.value, &report)
        }
        do {
            let response = try await client.send(RawCall(method: "GET", path: "/v1/auth/whoami"))
            checkClock(response, &report)
            guard (200..<300).contains(response.status) else {
                let error = try await client.error(for: response)
                // The service is reached, and rejects the request.
                let check = response.status == 401 || response.status == 403 ? "token" : "service"
                // A token that is mistyped was reported with the reason.
                if response.status == 401, report.hasProblem(of: "token") { return }
                return report.add(check, .critical, error)
            }
            checkUser(response, &report)
        } catch { return addNetworkError(error, &report) }
        await checkProject(client, &report)
    }

    /// Checks the connection without a token.
    private func checkConnection(_ endpoint: APIEndpoint, _ report: inout DoctorReport) async {
        do {
            let transport = context.transport ?? Client.transport(environment: context.environment)
            let request = TransportRequest(method: "GET", url: endpoint.url + "/v1/auth/whoami", timeout: .seconds(10))
            checkClock(try await transport.send(request), &report)
            report.add(.ok("connection", "the service responds"))
        } catch let failure as TransportFailure {
            addConnectionProblem("No response from \(endpoint.url): \(failure.reason)", failure.kind, &report)
        } catch { report.add("connection", .critical, error) }
    }

    private func addNetworkError(_ error: any Error, _ report: inout DoctorReport) {
        guard let error = error as? NetworkError else { return report.add("token", .critical, error) }
        addConnectionProblem(ErrorReport(error).body.message, error.kind, &report)
    }

    private func addConnectionProblem(
        _ message: String, _ kind: TransportFailure.Kind, _ report: inout DoctorReport
    ) {
        if kind == .certificate {
            let now = Timestamp.format(context.time.date())
            report.add(
                "certificate", .critical, message,
                "PODSTACK_CA_BUNDLE names a file of other authorities; the clock of this machine says \(now)")
        } else {
            report.add(kind == .proxy ? "proxy" : "connection", .critical, message, Self.connectionAdvice)
        }
    }

    private static let connectionAdvice =
        "Check the endpoint, the network and the proxy; podstack config explain shows where the endpoint comes from"

    /// Compares the clock of the service with that of this machine, which the checks of certificates and expiry use.
    private func checkClock(_ response: TransportResponse, _ report: inout DoctorReport) {
        guard let text = response.header("date"), let date = Timestamp.parseHTTPDate(text) else { return }
        let offset = date.timeIntervalSince(context.time.date())
        guard abs(offset) > 60 else { return report.add(.ok("clock", "as that of the service")) }
        let difference = RelativeTime.text(date, now: context.time.date())
        report.add(
            "clock", .warning,
            "the clock of this machine is \(offset > 0 ? "slow" : "fast"): the time of the service is \(difference)",
            "Synchronize the clock, for example with timedatectl set-ntp true")
    }

    private func checkUser(_ response: TransportResponse, _ report: inout DoctorReport) {
        guard let user = try? APICoding.decode(User.self, from: response.body) else {
            return report.add(
                "service", .critical, "the response is not one of the Podstack API", Self.connectionAdvice)
        }
        report.add(.ok("service", "it accepts the token of \(user.email)"))
        guard let end = user.token?.expiresAt else { return }
        let now = context.time.date()
        let isSoon = end.timeIntervalSince(now) < 7 * 86_400
        let message = "the token expires \(RelativeTime.text(end, now: now)), at \(Timestamp.format(end))"
        report.add("expiry", isSoon ? .warning : .ok, message, isSoon ? "podstack auth login stores a new token" : nil)
    }
}

extension AuthDoctor {
    /// Checks that the project of the settings exists, and that the token may read it.
    private func checkProject(_ client: Client, _ report: inout DoctorReport) async {
        guard let setting = client.configuration.projectID else { return }
        let source = setting.source
        var id = setting.value
        // The option may be a name, which the other commands look up.
        if case .argument = source, let named = try? await invocation.projectID(of: id) { id = named }
        let advice =
            invocation.adviceForProject(source)
            ?? "podstack project list shows the projects; \(source.onCommandLine) takes one"
        let name = "the project \(id), from \(source.onCommandLine),"
        do {
            let answer = try await client.withoutProject.auth.can(.projectsRead, project: id)
            guard let reason = answer.missing.first(where: { $0.code != .insufficientScope }) else {
                return report.add(.ok("project", "\(id), from \(source.onCommandLine)"))
            }
            // A member whose role does not include reading may still do other things in the project.
            let level = reason.code == .projectForbidden ? DoctorReport.Level.critical : .warning
            report.add("project", level, "\(name) is not accessible: \(reason.message)", advice)
        } catch is ResourceNotFoundError {
            report.add("project", .critical, "\(name) does not exist, or you are not a member of it", advice)
        } catch { report.add("project", .warning, error) }
    }
}

// MARK: - Report

/// The findings of `podstack auth doctor`, in the form of those of `podstack-server doctor`.
struct DoctorReport: Encodable {
    /// The importance, the most important first.
    enum Level: String, Encodable, CaseIterable {
        /// Authentication fails, or a secret is exposed.
        case critical
        /// It works, but soon may not, or not as intended.
        case warning
        case note
        case ok
    }

    struct Finding: Encodable {
        var check: String
        var level: Level
        var message: String
        var advice: String?

        static func ok(_ check: String, _ message: String) -> Finding {
            Finding(check: check, level: .ok, message: message)
        }
    }

    private var findings: [Finding] = []

    private enum CodingKeys: String, CodingKey { case status, problems, findings }

    func encode(to encoder: any Encoder) throws {
        var container = encoder.container(keyedBy: CodingKeys.self)
        try container.encode(problems == 0 ? "ok" : "problems", forKey: .status)
        try container.encode(problems, forKey: .problems)
        try container.encode(sorted, forKey: .findings)
    }

    mutating func add(_ finding: Finding) { findings.append(finding) }

    mutating func add(_ check: String, _ level: Level, _ message: String, _ advice: String? = nil) {
        findings.append(Finding(check: check, level: level, message: message, advice: advice))
    }

    /// Adds an error, unless an earlier check found the same one.
    mutating func add(_ check: String, _ level: Level, _ error: any Error) {
        let report = ErrorReport(error)
        guard !findings.contains(where: { $0.message == report.body.message }) else { return }
        add(check, level, report.body.message, report.hint)
    }

    /// Whether a check found a problem that stops authentication.
    func hasProblem(of check: String) -> Bool { findings.contains { $0.check == check && $0.level == .critical } }

    var problems: Int { findings.count { $0.level == .critical || $0.level == .warning } }

    /// The findings in the order of importance; equally important ones in the order of the checks.
    private var sorted: [Finding] { Level.allCases.flatMap { level in findings.filter { $0.level == level } } }

    func text(isStyled: Bool) -> String {
        var lines: [String] = []
        for finding in sorted {
            let level = finding.level.rawValue
            let style = isStyled ? TextStyle.ofState(level) : nil
            let label = style?.applied(to: level.uppercased()) ?? level.uppercased()
            let gap = String(repeating: " ", count: 10 - level.count)
            lines.append(label + gap + TerminalText.printable("\(finding.check): \(finding.message)"))
            if let advice = finding.advice { lines.append("          " + TerminalText.printable(advice)) }
        }
        let count = problems == 1 ? "1 problem" : "\(problems) problems"
        return (lines + ["", problems == 0 ? "no problems found" : "\(count) found"]).joined(separator: "\n")
    }
}
