import PodstackAPI

#if canImport(FoundationEssentials)
    import FoundationEssentials
#else
    import Foundation
#endif

/// The texts of `Tests/Vectors` as the first inputs.
enum VectorSeeds {
    private struct DotEnvVectors: Decodable {
        struct Case: Decodable {
            /// The longest cases are stored as instructions to generate them.
            var text: JSONValue
        }
        var cases: [Case]
    }

    private struct TokenVectors: Decodable {
        struct Case: Decodable { var token: String }
        var valid: [Case]
        var invalid: [Case]
    }

    static func write(for target: String, vectors: String, to folder: String) throws {
        let texts: [String] =
            switch target {
            case "dotenv": try read(DotEnvVectors.self, "\(vectors)/dotenv.json").cases.compactMap(\.text.stringValue)
            case "token": try tokens(vectors)
            case "authorization": try tokens(vectors).map { "Bearer " + $0 }
            default: []
            }
        for (number, text) in texts.enumerated() {
            try Data(text.utf8).write(to: URL(filePath: "\(folder)/vector-\(number)"))
        }
    }

    private static func tokens(_ vectors: String) throws -> [String] {
        let vectors = try read(TokenVectors.self, "\(vectors)/tokens.json")
        return (vectors.valid + vectors.invalid).map(\.token)
    }

    private static func read<Vectors: Decodable>(_ type: Vectors.Type, _ path: String) throws -> Vectors {
        try APICoding.decode(type, from: Array(Data(contentsOf: URL(filePath: path))))
    }
}
