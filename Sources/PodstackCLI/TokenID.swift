import Podstack

/// The id of a token as people have it at hand: alone, in the prefix, or in the token itself.
enum TokenID {
    static func parse(_ text: String) throws(UsageError) -> Token.ID {
        let id = text.hasPrefix("podstack_") ? String(text.dropFirst(9).prefix(TokenFormat.idLength)) : text
        guard TokenFormat.isID(id) else { throw UsageError("that is no id of a token: it has 8 characters") }
        return id
    }
}
