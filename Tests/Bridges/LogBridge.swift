// snippet
import Logging
import Podstack

struct LogBridge: ClientLogger {
    let logger: Logger

    func log(_ level: ClientLogLevel, _ message: String, _ metadata: [String: String]) {
        logger.log(
            level: Logger.Level(rawValue: level.rawValue) ?? .info, "\(message)",
            metadata: metadata.mapValues { .string($0) })
    }
}
// end
