@testable import Podstack

/// The result of a `credential_process`.
///
/// An input is a line with the exit status, the standard output, 0xFF, and the standard error.
enum CredentialProcessTarget {
    static func run(_ input: [UInt8]) {
        let (lines, rest) = FuzzInput.lines(1, of: input)
        let parts = rest.split(separator: 0xFF, maxSplits: 1, omittingEmptySubsequences: false)
        let status = Int32(truncatingIfNeeded: Int(FuzzInput.text(lines[0])) ?? 0)
        let result = ChildProcess.Result(
            status: status, output: FuzzInput.inserting(FuzzInput.token, in: parts[0]),
            error: FuzzInput.inserting(FuzzInput.token, in: parts.count > 1 ? parts[1] : []))
        do {
            let credential = try CredentialProcessOutput.credential(in: result, from: source)
            require(status == 0, "a command that failed gives no credential")
            require(credential.token.defect == nil, "a credential can be sent")
        } catch let error as any PodstackError {
            require(Printed.isOneLine(error.message) && !error.message.isEmpty, "the error is one line")
            require(error.message.utf8.count <= 8192, "and short")
            for form in Printed.forms(of: error) {
                require(!FuzzInput.contains(FuzzInput.token.utf8, in: form.utf8), "the token is not printed")
            }
            guard status == 0 else { return }
            require(messages.contains { error.message.hasPrefix($0) }, "nothing of the output is repeated")
        } catch {
            require(false, "only an error of the SDK is thrown")
        }
    }

    private static let source = ClientConfiguration.Source.process("default", path: "credentials", line: 2)

    private static var messages: [String] {
        [
            "\(source.origin) did not print the expected JSON object", "\(source.origin) printed version ",
            "Invalid API token: \(source.origin) ",
        ]
    }
}
