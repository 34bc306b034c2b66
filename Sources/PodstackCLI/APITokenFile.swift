import Podstack

/// The file that `--token-file` names.
enum APITokenFile {
    static func read(_ path: String) throws -> String {
        guard let text = try TokenFileCredentials.read(path) else {
            throw CommandError(message: "--token-file: \(path) is not there")
        }
        return text
    }
}
