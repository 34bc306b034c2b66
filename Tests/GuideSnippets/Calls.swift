import Podstack

/// The snippets about time, errors and retries.
enum Calls {
    @Sendable static func timeout() async throws {
        // snippet
        let client = try Client(timeout: .seconds(10))
        // end
        print(try await client.auth.whoami().email)
    }

    @Sendable static func errors() async throws {
        let client = try Client()
        // snippet
        do {
            _ = try await client.projects.create(name: "training")
        } catch let error as PermissionError {
            print("\(error), needs \(error.requiredScope ?? "another project")")
        } catch let error as RateLimitError {
            print("again in \(error.retryAfter ?? 0) seconds")
        } catch let error as ValidationError {
            print(error.fieldErrors)
        } catch let error as NetworkError where error.kind == .timeout {
            print("the service is slow today")
        } catch {
            print(error)
        }
        // end
    }

    @Sendable static func retry() async throws {
        // snippet
        let client = try Client(
            retry: RetryConfiguration(maxRetries: 5, backoffFactor: 2, retryOn: [.serverError, .networkError]),
            timeout: .seconds(60)
        )
        // end
        print(try await client.auth.whoami().email)
    }

    @Sendable static func events() async throws {
        // snippet
        let client = try Client(onEvent: { event in
            if case .requestRetried(_, let path, let retry, let delay, let reason) = event {
                print("\(path): retry \(retry) in \(delay), since \(reason)")
            }
        })
        // end
        print(try await client.auth.whoami().email)
    }

    @Sendable static func logger() async throws {
        // snippet
        struct PrintingLogger: ClientLogger {
            func log(_ level: ClientLogLevel, _ message: String, _ metadata: [String: String]) {
                print(level, message, metadata["request_id"] ?? "")
            }
        }
        var options = ClientOptions()
        options.logger = PrintingLogger()
        let client = try Client(options: options)
        // end
        _ = try await client.auth.whoami()
    }
}
