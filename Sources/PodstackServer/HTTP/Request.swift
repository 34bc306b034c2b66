/// A request, as handlers see it.
struct Request {
    /// What is wrong with one, whatever it asks.
    enum Defect: Sendable {
        case unclearEnd, malformedTarget, malformedHeaders, longURL, largeHeaders, largeBody
    }

    var method: String
    /// Decoded, without the query.
    var path: String
    /// Decoded, in order; an item without `=` has an empty value.
    var query: [(name: String, value: String)] = []
    /// Names in lower case, in order, repeats included.
    var headers: [(name: String, value: String)] = []
    var body: [UInt8] = []
    var defect: Defect?
    var address = ClientAddress.unknown

    /// The first value of a header; `name` in lower case.
    func header(_ name: String) -> String? { headers.first { $0.name == name }?.value }

    func query(_ name: String) -> String? { query.first { $0.name == name }?.value }
}
