import Foundation
import Podstack
import UnusedTokens

// Lists the tokens that were not used for 30 days. With --revoke, it also revokes them.
do {
    let unused = UnusedTokens(client: try Client())
    let tokens = try await unused.find(before: Date(timeIntervalSinceNow: -30 * 86_400))
    for token in tokens { print(token.prefix, token.name) }
    if CommandLine.arguments.contains("--revoke") {
        for name in try await unused.revoke(tokens) { print("not revoked: \(name)") }
    }
} catch {
    print("failed: \(error)")
    exit(1)
}
