internal import PodstackAPI

#if canImport(FoundationEssentials)
    import FoundationEssentials
#else
    import Foundation
#endif

/// The shared cases of the token format, `Tests/Vectors/tokens.json`.
package struct TokenVectors: Decodable, Sendable {
    package struct Valid: Decodable, Sendable {
        package var token: String
        package var prefix: String
    }

    package struct Invalid: Decodable, Sendable {
        package var token: String
        package var why: String
    }

    package var valid: [Valid]
    package var invalid: [Invalid]

    package static func load(_ here: String = #filePath) throws -> TokenVectors {
        let path = URL(filePath: here).appending(path: "../../../Tests/Vectors/tokens.json").standardized
        return try APICoding.decode(TokenVectors.self, from: Array(try Data(contentsOf: path)))
    }
}

/// Creates well-formed tokens that no server knows.
package enum TestToken {
    package static func generate(id: String) -> String {
        var generator = SecureGenerator()
        return TokenFormat.generateToken(id: id, using: &generator)
    }
}
