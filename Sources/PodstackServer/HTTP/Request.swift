/// A request, as handlers see it.
struct Request {
    var method: String
    /// As sent, without the query.
    var path: String
    /// Decoded, in order; an item without `=` has an empty value.
    var query: [(name: String, value: String)] = []
    /// Names in lower case, in order, repeats included.
    var headers: [(name: String, value: String)] = []
    var body: [UInt8] = []
    /// Whether it leaves in doubt where its body ends, or has a NUL in its query.
    var isMalformed = false
    var address = ClientAddress.unknown

    /// The first value of a header; `name` in lower case.
    func header(_ name: String) -> String? { headers.first { $0.name == name }?.value }

    func query(_ name: String) -> String? { query.first { $0.name == name }?.value }
}
