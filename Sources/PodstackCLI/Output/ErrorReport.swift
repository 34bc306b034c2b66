import Podstack

/// An error as the terminal shows it: one line, then a hint when there is one.
struct ErrorReport {
    var body: ErrorBody
    var hint: String?

    init(_ error: any Error) {
        switch error {
        case let error as any PodstackError:
            let (message, advice) = error.wordings
            body = ErrorBody(
                code: error.code, message: message.onCommandLine, requestID: error.requestID, details: error.details)
            hint = advice?.onCommandLine
            if error.code == .missingToken { hint = hint ?? "podstack auth login stores one" }
        case let error as UsageError:
            body = ErrorBody(code: ErrorCode(rawValue: "usage"), message: error.message, requestID: nil)
            hint = error.hint
        case let error as CommandError:
            body = ErrorBody(code: nil, message: error.message, requestID: nil)
            hint = error.hint
        default:
            body = ErrorBody(code: nil, message: "\(error)", requestID: nil)
        }
    }

    func write(to standardError: (String) -> Void, format: OutputFormat) {
        var body = body
        if format == .json, let hint { body.details["hint"] = .string(hint) }
        if format == .json, let json = try? APICoding.encode(body, pretty: true) {
            standardError(String(decoding: json, as: UTF8.self) + "\n")
            return
        }
        standardError("error: \(Table.printable(body.message))\n")
        if let hint { standardError("hint: \(Table.printable(hint))\n") }
    }
}
