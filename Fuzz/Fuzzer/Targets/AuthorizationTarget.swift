import PodstackAPI

@testable import PodstackServer

/// The credential of a request.
///
/// An input is one `Authorization` header per line, an empty line, then `name=value` parameters.
enum AuthorizationTarget {
    static func run(_ input: [UInt8]) {
        let lines = FuzzInput.inserting(FuzzInput.token, in: input)
            .split(separator: 0x0A, omittingEmptySubsequences: false)
        let values = lines.prefix { !$0.isEmpty }.map { FuzzInput.text($0) }
        let query = lines.dropFirst(values.count + 1).map { line in
            let parts = line.split(separator: UInt8(ascii: "="), maxSplits: 1, omittingEmptySubsequences: false)
            return (name: FuzzInput.text(parts[0]), value: parts.count > 1 ? FuzzInput.text(parts[1]) : "")
        }
        let request = Request(
            method: "GET", path: "/v1/auth/whoami", query: query,
            headers: [("accept", "*/*")] + values.map { ("authorization", $0) })
        do {
            let token = Array(try Authentication.token(of: request))
            require(values.count == 1, "there is one header")
            let header = Array(values[0].utf8)
            require(Array(header.suffix(token.count)) == token, "the token is what the header ends with")
            let scheme = header.dropLast(token.count).filter { $0 != 0x20 }
            require(FuzzInput.text(scheme).lowercased() == "bearer", "the scheme is Bearer")
            require(!query.contains { isToken($0) }, "none is in the URL")
        } catch {
            check(error, [400, 401])
        }
    }

    /// Checks that an error is one of the API or the domain, and that its response has one of the statuses, can be
    /// written, and contains no token.
    static func check(_ error: any Error, _ statuses: Set<Int>) {
        let response: ErrorResponse? =
            switch error {
            case let error as DomainError: ErrorResponse(error)
            case let error as ErrorResponse: error
            default: nil
            }
        guard let response else { return require(false, "only an error of the API is thrown") }
        require(statuses.contains(response.status), "a status of the list")
        let body = response.response(requestID: "req_1").body
        require((try? APICoding.decode(ErrorBody.self, from: body)) != nil, "the error can be read")
        require(!FuzzInput.contains(FuzzInput.token.utf8, in: body), "the token is not repeated")
    }

    private static func isToken(_ parameter: (name: String, value: String)) -> Bool {
        ["access_token", "api_token", "token"].contains(parameter.name)
            || parameter.value.utf8.starts(with: "podstack_".utf8)
    }
}
