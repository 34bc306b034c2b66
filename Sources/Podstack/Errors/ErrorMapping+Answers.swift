import PodstackAPI

/// What is made of an answer of the service.
extension ErrorMapping {
    /// The error for an answer that is not a success. What the answer says is shown without the token that was sent.
    static func error(
        for response: TransportResponse, token: APIToken, source: ClientConfiguration.Source,
        project: ClientConfiguration.Setting<String>? = nil,
        otherTokens: (APIToken) -> [ClientConfiguration.Source]
    ) -> any PodstackError {
        // No error of the service is so long.
        let body =
            response.body.count <= 256 << 10 ? try? APICoding.decode(ErrorBody.self, from: response.body) : nil
        let said = body.map { OneLine.of($0.message, without: token) } ?? ""
        var answer = ServiceResponse(
            message: Wording(said.isEmpty ? notTheAPI(response, token: token) : said),
            code: body?.code,
            requestID: body?.requestID ?? response.header("x-request-id"),
            statusCode: response.status,
            details: body?.details ?? [:]
        ).shown(without: token)
        switch response.status {
        case 401:
            answer.message = "Invalid API token"
            answer.hintWording = rejectedTokenHint(answer, token: token, source: source, others: otherTokens(token))
            return AuthenticationError(response: answer)
        case _ where answer.code == .quotaExceeded:
            return QuotaExceededError(response: answer)
        case 402:
            return InsufficientBalanceError(response: answer)
        case 403:
            let documented = "Access denied to resource"
            if !answer.message.hasPrefix(documented) { answer.message = "\(documented): \(answer.message)" }
            return PermissionError(response: answer)
        case 404:
            let error = ResourceNotFoundError(response: answer)
            if let project, error.resourceType == "project", error.resourceID == project.value {
                answer.hintWording = "The project \(project.value) came from \(project.source)"
            }
            return ResourceNotFoundError(response: answer)
        case 429:
            let wait = response.header("retry-after").flatMap { RetryAfter.parse($0) }
            return RateLimitError(response: answer, retryAfter: wait.map { Int($0.components.seconds) })
        case 400..<500:
            let fields = ValidationError(response: answer).fieldErrors
            if !fields.isEmpty {
                let sentences = fields.sorted { $0.key < $1.key }
                    .map { "\($0.key) \($0.value.joined(separator: " and "))" }.joined(separator: "; ")
                answer.message = OneLine.of(sentences, without: token)
            }
            return ValidationError(response: answer)
        default:
            return ServerError(response: answer)
        }
    }

    static func notDecodable(_ response: TransportResponse, token: APIToken) -> ServerError {
        let answer = ServiceResponse(
            message: Wording(notTheAPI(response, token: token)), requestID: response.header("x-request-id"),
            statusCode: response.status)
        return ServerError(response: answer.shown(without: token))
    }

    private static func rejectedTokenHint(
        _ answer: ServiceResponse, token: APIToken, source: ClientConfiguration.Source,
        others: [ClientConfiguration.Source]
    ) -> Wording {
        var sentences: [Wording] = []
        switch answer.code {
        case .expiredToken:
            sentences.append("It expired\(time(answer.details["expired_at"])); create a new one")
        case .revokedToken:
            sentences.append("It was revoked\(time(answer.details["revoked_at"])); create a new one")
        case .rotatedToken:
            sentences.append("It was rotated\(time(answer.details["rotated_at"])); use the one that came instead of it")
        default:
            if let reason = token.suspicion { sentences.append(Wording(reason)) }
        }
        sentences.append("The token came from \(source)")
        if !others.isEmpty {
            sentences.append("A different one is in \(others.map { Wording($0) }.joined(separator: " and in "))")
        }
        return sentences.joined(separator: ". ")
    }

    private static func time(_ value: JSONValue?) -> String {
        value?.stringValue.map { " at \(OneLine.of($0, most: 40))" } ?? ""
    }

    private static func notTheAPI(_ response: TransportResponse, token: APIToken) -> String {
        // More than is shown, so that the cut is behind that.
        let beginning = String(decoding: response.body.prefix(2000), as: UTF8.self)
        let words = OneLine.of(beginning, without: token, most: 200).split(separator: " ").prefix(12)
            .joined(separator: " ")
        let what = words.isEmpty ? "an empty body" : "\"\(words)\""
        return "HTTP \(response.status) with \(what), which is not an answer of the Podstack API"
    }
}

extension ServiceResponse {
    /// Whatever answered may repeat what it was sent, and send what a terminal obeys.
    fileprivate func shown(without token: APIToken) -> ServiceResponse {
        var answer = self
        answer.requestID = requestID.map { OneLine.of($0, without: token, most: 128) }
        answer.code = code.map { ErrorCode(rawValue: OneLine.of($0.rawValue, without: token, most: 128)) }
        answer.details = TokenRedaction.redact(token, in: details)
        return answer
    }
}
