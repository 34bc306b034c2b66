/// The proxies whose word about where a request comes from is taken.
struct TrustedProxies: Sendable {
    private let addresses: Set<ClientAddress>

    init(_ addresses: [ClientAddress] = []) { self.addresses = Set(addresses) }

    var isEmpty: Bool { addresses.isEmpty }

    /// The last address in `X-Forwarded-For` that is not a named proxy: whoever sent the request could write those
    /// before it. Without a proxy in between it is whoever holds the connection.
    func origin(of request: Request) -> ClientAddress {
        var origin = request.address
        let forwarded = request.headers.filter { $0.name == "x-forwarded-for" }
            .flatMap { $0.value.split(separator: ",") }
            .map { String($0.filter { $0 != " " && $0 != "\t" }) }
        for text in forwarded.reversed() {
            // Whoever wrote what follows is not to be trusted, or wrote what is no address.
            guard addresses.contains(origin), let before = ClientAddress(text) else { break }
            origin = before
        }
        return origin
    }
}
