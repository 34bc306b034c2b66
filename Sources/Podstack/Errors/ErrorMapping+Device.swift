import PodstackAPI

extension ErrorMapping {
    static func nobodyDecided(within life: Duration) -> AuthenticationError {
        AuthenticationError(
            response: ServiceResponse(
                message:
                    "No API token provided: nobody approved the code within \(life.components.seconds / 60) minutes",
                code: .expiredToken))
    }

    /// What ends the wait for somebody's decision.
    static func device(_ error: any PodstackError, life: Duration) -> any PodstackError {
        switch error.code {
        case .accessDenied?:
            PermissionError(
                response: ServiceResponse(
                    message: "Access denied to resource: the code was denied in the browser", code: .accessDenied,
                    requestID: error.requestID, statusCode: error.statusCode))
        case .expiredToken?: nobodyDecided(within: life)
        case .invalidGrant?:
            AuthenticationError(
                response: ServiceResponse(
                    message: "No API token provided: the service does not know the code any more", code: .invalidGrant,
                    requestID: error.requestID, statusCode: error.statusCode))
        default: error
        }
    }
}
