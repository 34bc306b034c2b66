import PodstackAPI

extension TokenService {
    enum Creation {
        case made(TokenRecord, secret: String)
        /// Asked for before.
        case repeated(TokenRecord)
        /// Or none that a token can have.
        case idIsTaken
    }

    /// Makes a token of an id that whoever asks chose, once, however often it is asked for.
    ///
    /// - Parameter request: What is asked for; not looked at when the token is there.
    func createOnce(
        _ id: String, by maker: Grant, in change: Change, _ request: () throws -> TokenRequest
    ) throws -> Creation {
        guard TokenFormat.isID(id) else { return .idIsTaken }
        if let known = try TokenStore.find(id, in: change.connection) {
            return known.accountID == maker.accountID ? .repeated(known) : .idIsTaken
        }
        var request = try request()
        request.id = id
        let (token, secret) = try create(request, by: maker, in: change)
        guard let secret else { throw DomainError.inconsistent }
        return .made(token, secret: secret)
    }
}
