@testable import PodstackServer

/// What stands between the method and the version of a request.
enum RequestTargetTarget {
    static func run(_ input: [UInt8]) {
        let target = RequestTarget(FuzzInput.text(input))
        guard !target.isMalformed else { return }
        require(!target.path.utf8.contains(0), "no NUL is in a path")
        for (name, value) in target.query {
            require(!name.utf8.contains(0) && !value.utf8.contains(0), "no NUL is in a query")
        }
        // Encoded and read again it is the same.
        let query = target.query.map { "\(encoded($0.name))=\(encoded($0.value))" }.joined(separator: "&")
        let again = RequestTarget("/" + encoded(target.path.drop { $0 == "/" }) + "?" + query)
        require(!again.isMalformed, "what was read can be written")
        require(again.query.elementsEqual(target.query) { $0 == $1 }, "a query is decoded once")
        require(again.path.drop { $0 == "/" } == target.path.drop { $0 == "/" }, "a path is decoded once")
    }

    /// All but letters, digits and slashes.
    private static func encoded(_ text: some StringProtocol) -> String {
        text.utf8.map { byte in
            let character = Character(UnicodeScalar(byte))
            if character.isASCII, character.isLetter || character.isNumber || character == "/" {
                return String(character)
            }
            return "%" + (byte < 16 ? "0" : "") + String(byte, radix: 16)
        }.joined()
    }
}
