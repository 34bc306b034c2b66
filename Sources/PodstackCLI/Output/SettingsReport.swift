import Podstack
import PodstackCommandLine

/// The settings as `config explain` shows them, without the secret of the token.
struct SettingsReport: Encodable {
    private struct Row: Encodable {
        var value: String
        var source: String
        var origin: String
        var shadows: [Shadow]
    }

    private struct Shadow: Encodable {
        var source: String
        var origin: String
    }

    private var rows: [(name: String, row: Row?)]

    init(_ configuration: ClientConfiguration) {
        rows = configuration.rows.map { row in
            guard let source = row.source else { return (row.name, nil) }
            let shadows = row.shadows.map { Shadow(source: $0.source.kind, origin: $0.source.displayedOrigin) }
            return (
                row.name,
                Row(value: row.value, source: source.kind, origin: source.displayedOrigin, shadows: shadows)
            )
        }
    }

    private struct Key: CodingKey {
        var stringValue: String
        var intValue: Int? { nil }
        init(stringValue: String) { self.stringValue = stringValue }
        init?(intValue: Int) { nil }
    }

    func encode(to encoder: any Encoder) throws {
        var container = encoder.container(keyedBy: Key.self)
        for (name, row) in rows { try container.encode(row, forKey: Key(stringValue: name)) }
    }

    static func text(_ configuration: ClientConfiguration) -> String {
        Table.text(
            ["SETTING", "VALUE", "SOURCE", "SHADOWS"],
            configuration.rows.map { row in
                [
                    row.name, row.value, row.source?.displayedOrigin ?? "not set",
                    row.shadows.map { $0.source.displayedOrigin }.joined(separator: ", "),
                ]
            })
    }
}

extension ClientConfiguration.Source {
    /// The origin, which names the keyring when that is behind the command of a profile.
    fileprivate var displayedOrigin: String {
        guard case .process(let profile, let path, _) = self, let file = try? CredentialsFile(path: path),
            Keyring.entry(of: profile, in: file) != nil
        else { return onCommandLine }
        return "keyring, by \(onCommandLine)"
    }
}
