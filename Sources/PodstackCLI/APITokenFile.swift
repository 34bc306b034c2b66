import Podstack

#if canImport(FoundationEssentials)
    import FoundationEssentials
#else
    import Foundation
#endif

/// The file that `--token-file` names.
enum APITokenFile {
    static func read(_ path: String) throws -> String {
        guard let data = FileManager.default.contents(atPath: path) else {
            throw CommandError(message: "--token-file: cannot read \(path)")
        }
        return String(decoding: data, as: UTF8.self)
    }
}
