import Podstack
import PodstackAPI
import PodstackCommandLine
import PodstackSystem

/// `podstack api`: any request of the API, with the token and the endpoint of the settings.
struct APICommand {
    static let command = Command(
        "api", summary: "Send a request to the API and print the response.",
        arguments: [
            Argument(
                "PATH", summary: "the path, such as tokens or /v1/tokens?limit=10; {project} is the project in use")
        ],
        flags: [
            Flag(
                "method", short: "X", value: "METHOD",
                summary: "the HTTP method (default: GET, or POST with fields or --input)"),
            Flag(
                "raw-field", short: "f", value: "KEY=VALUE",
                summary: "a field whose value is a string; may be repeated", isRepeatable: true),
            Flag(
                "field", short: "F", value: "KEY=VALUE",
                summary: "a field whose value is true, false, null, a whole number, @FILE (the text of a file; @- of "
                    + "standard input), or else a string; may be repeated", isRepeatable: true),
            Flag(
                "input", value: "FILE", summary: "the body of the request; - reads it from standard input",
                values: .files),
            Flag(
                "header", short: "H", value: "NAME:VALUE", summary: "a header of the request; may be repeated",
                isRepeatable: true),
            Flag("include", short: "i", summary: "print the status and the headers of the response first"),
            Flag("paginate", summary: "request all pages of a list; each page is one JSON document"),
            Flag("slurp", summary: "with --paginate: put all pages into one JSON array"),
            Flag("jq", value: "EXPRESSION", summary: "print the results of a jq expression instead of the response"),
        ],
        details: """
            A path that does not start with a slash is below /v1. Fields become the query of a GET, and the JSON body of \
            other methods. In a KEY, a[b] is the field b of the object a, and a[] adds an element to the array a.

            JSON is printed readably on a terminal, and elsewhere as the service sent it. If the status is 400 or above, \
            the body is printed too, the error follows on standard error, and the exit status is that of the error. A \
            request is sent once, without retries.

            --jq needs libjq (on Debian: apt install libjq1). It prints strings without quotes.
            """,
        examples: [
            Example("podstack api auth/whoami"),
            Example("podstack api tokens --paginate --jq '.tokens[].name'", "the names of all tokens"),
            Example("podstack api projects -f name=training", "POST with a JSON body"),
            Example("podstack api -X PATCH projects/{project} -f description=", "change the project in use"),
            Example("podstack api audit-logs -X GET -F limit=5 -i", "with a query and headers"),
        ], isPaged: true
    ) { try await APICommand($0).run() }

    private let invocation: Invocation
    private let query: JSONQuery?
    private let method: String
    private let fields: RequestFields
    private let headers: [HeaderField]

    init(_ invocation: Invocation) throws {
        let arguments = invocation.arguments
        // A response is data: that of a creation contains a token.
        self.invocation = invocation.printingData
        guard !arguments.has("slurp") || arguments.has("paginate") else { throw UsageError("--slurp needs --paginate") }
        guard !arguments.has("input") || !(arguments.has("field") || arguments.has("raw-field")) else {
            throw UsageError("--input and fields cannot both be given: the body is one of them")
        }
        fields = try RequestFields(
            raw: arguments.all("raw-field") ?? [], typed: arguments.all("field") ?? [], readInput: Self.read(invocation)
        )
        method = try Self.method(arguments, hasBody: arguments.has("input") || !fields.isEmpty)
        guard method == "GET" || !arguments.has("paginate") else { throw UsageError("--paginate needs the method GET") }
        headers = try (arguments.all("header") ?? []).map(Self.header)
        query = try arguments.value("jq").map { try JSONQuery($0) }
    }

    private static func method(_ arguments: Arguments, hasBody: Bool) throws(UsageError) -> String {
        let method = (arguments.value("method") ?? (hasBody ? "POST" : "GET")).uppercased()
        guard !method.isEmpty, method.utf8.allSatisfy({ (0x41...0x5A).contains($0) }) else {
            throw UsageError("--method must be an HTTP method, such as GET or POST")
        }
        return method
    }

    private static func header(_ text: String) throws(UsageError) -> HeaderField {
        guard let colon = text.firstIndex(byte: ":"), colon > text.startIndex else {
            throw UsageError("--header must have the form NAME:VALUE")
        }
        let name = String(text[..<colon])
        let value = Substring(text.suffix(afterByteAt: colon).unicodeScalars.drop { $0 == " " })
        let isToken = name.utf8.allSatisfy { byte in
            (0x30...0x39).contains(byte) || (0x41...0x5A).contains(byte) || (0x61...0x7A).contains(byte)
                || "-_.!#$%&'*+^`|~".utf8.contains(byte)
        }
        guard isToken, value.unicodeScalars.allSatisfy({ $0 == "\t" || $0.value >= 0x20 && $0.value != 0x7F }) else {
            throw UsageError("--header: the name or the value contains characters that no header may contain")
        }
        guard name.lowercased() != "authorization" else {
            throw UsageError("--header cannot set Authorization: --token - or --token-file selects another token")
        }
        return HeaderField(name, String(value))
    }

    /// Returns the function that reads a file, or standard input for `-`.
    private static func read(_ invocation: Invocation) -> (String) throws -> [UInt8] {
        { path in
            let context = invocation.context
            if path == "-" { return Array(try (context.readBody ?? context.readInput)().utf8) }
            guard let content = try SecureFile.read(context.environment.path(path), within: SecureFile.defaultTimeLimit)
            else {
                throw CommandError(message: "\(path) does not exist")
            }
            return content.bytes
        }
    }

    // MARK: - Requests

    private func run() async throws -> ExitStatus {
        let client = try invocation.client()
        var path = try await completePath(client)
        var call = RawCall(method: method, path: path, headers: headers)
        if let input = invocation.arguments.value("input") {
            call.body = try Self.read(invocation)(input)
        } else if !fields.isEmpty {
            if method == "GET" || method == "HEAD" {
                path = fields.appended(to: path)
                call.path = path
            } else {
                call.body = try APICoding.encode(fields.object)
            }
        }
        var pages: [String] = []
        var cursors: Set<String> = []
        var emptyPages = 0
        while true {
            let response = try await send(call, client)
            let next = invocation.arguments.has("paginate") ? Self.nextCursor(of: response) : nil
            if invocation.arguments.has("slurp") {
                pages.append(String(decoding: response.body, as: UTF8.self))
            } else {
                try write(response.body)
            }
            // A service that returns a cursor again would make the list endless.
            guard let next, cursors.insert(next).inserted, invocation.context.outputFailure() == nil else { break }
            emptyPages = Self.isEmptyPage(response) ? emptyPages + 1 : 0
            guard emptyPages < 100 else {
                throw CommandError(
                    message: "the list does not end: the service returned \(emptyPages) pages without elements in a row"
                )
            }
            call.path = RequestFields.replacing("cursor", with: next, in: path)
        }
        if invocation.arguments.has("slurp") { try write(Array("[\(pages.joined(separator: ","))]".utf8)) }
        return .success
    }

    /// Sends a request; throws the error of a status that is not a success, after its body was written.
    private func send(_ call: RawCall, _ client: Client) async throws -> TransportResponse {
        let isDebugging = invocation.arguments.has("debug")
        let shownPath = TerminalText.printable(call.path)
        if isDebugging { invocation.context.standardError("debug: \(call.method) \(shownPath)\n") }
        let response = try await client.send(call)
        if isDebugging {
            invocation.context.standardError("debug: \(call.method) \(shownPath): HTTP \(response.status)\n")
        }
        if invocation.arguments.has("include") {
            let lines = response.headers.map { "\($0.name): \($0.value)" }
            let head = (["HTTP \(response.status)"] + lines).map(TerminalText.printable).joined(separator: "\n")
            invocation.print(head + "\n")
        }
        guard response.status < 400 else {
            try writeUnfiltered(response.body)
            let error = try await client.error(for: response)
            throw (error as? any ServiceError)?.naming("\(call.method) \(call.path)", response.status) ?? error
        }
        return response
    }

    /// Returns the path of the argument, below the endpoint.
    private func completePath(_ client: Client) async throws -> String {
        var path = invocation.arguments.positional[0]
        let endpoint = client.configuration.apiEndpoint.value.url
        if path.hasPrefix(bytes: endpoint + "/") { path = String(Substring(path.utf8.dropFirst(endpoint.utf8.count))) }
        guard !path.contains(bytes: "://") else {
            throw UsageError("PATH must be below the API endpoint \(endpoint), because the token is sent there")
        }
        if path.contains(bytes: "{project}") {
            let project = try await invocation.projectInUse(client)
            path = path.replacing(bytes: "{project}", with: try RequestFields.segment(project))
        }
        guard !path.isEmpty, path.utf8.allSatisfy({ $0 > 0x20 && $0 < 0x7F && $0 != UInt8(ascii: "#") }) else {
            throw UsageError(
                "PATH must be a path such as tokens or /v1/tokens, without spaces and with encoded characters")
        }
        if path.hasPrefix(bytes: "/") { return path }
        return path == "v1" || path.hasPrefix(bytes: "v1/") ? "/\(path)" : "/v1/\(path)"
    }

    private static func nextCursor(of response: TransportResponse) -> String? {
        guard case .object(let fields) = try? APICoding.decode(JSONValue.self, from: response.body) else { return nil }
        return fields["next_cursor"]?.stringValue
    }

    /// Returns whether a page has arrays, all of which are empty.
    private static func isEmptyPage(_ response: TransportResponse) -> Bool {
        guard case .object(let fields) = try? APICoding.decode(JSONValue.self, from: response.body) else { return true }
        return fields.values.allSatisfy { if case .array(let elements) = $0 { elements.isEmpty } else { true } }
    }

    // MARK: - Output

    private func write(_ body: [UInt8]) throws {
        guard let query else { return try writeUnfiltered(body) }
        for value in try query.results(of: body) {
            switch value {
            case .string(let text):
                invocation.print(invocation.context.isOutputTerminal ? Self.printableLines(text) : text)
            case .json(let text): invocation.print(invocation.jsonText(Array(text.utf8)))
            }
        }
    }

    private func writeUnfiltered(_ body: [UInt8]) throws {
        guard !body.isEmpty else { return }
        let json = try? APICoding.decode(JSONValue.self, from: body)
        switch (json, invocation.format) {
        case (let json?, .yaml): invocation.print(YAML.text(of: json))
        case (.some, _) where invocation.prettyPrints: invocation.print(invocation.jsonText(body))
        default:
            let text = String(decoding: body, as: UTF8.self)
            let shown = invocation.context.isOutputTerminal ? Self.printableLines(text) : text
            invocation.context.standardOutput(shown.utf8.last == UInt8(ascii: "\n") ? shown : shown + "\n")
        }
    }

    /// Replaces control characters other than the ends of lines, so that a response cannot write to the terminal.
    private static func printableLines(_ text: String) -> String {
        text.split(byte: "\n", omittingEmptySubsequences: false)
            .map { TerminalText.printable(String($0)) }.joined(separator: "\n")
    }
}

/// The fields of a request, from `KEY=VALUE` words.
struct RequestFields {
    private var fields: [(key: String, value: JSONValue)] = []

    var isEmpty: Bool { fields.isEmpty }

    /// Parses fields.
    ///
    /// - Parameters:
    ///   - raw: Words whose values are strings.
    ///   - typed: Words whose values are strings, numbers, `true`, `false`, `null` or `@FILE`.
    ///   - readInput: Reads a file, or standard input for `-`.
    /// - Throws: ``UsageError`` when a word has no `=` or no key, and the error of `readInput`.
    init(raw: [String], typed: [String], readInput: (String) throws -> [UInt8]) throws {
        for word in raw { fields.append(try Self.split(word, "--raw-field") { .string($0) }) }
        for word in typed { fields.append(try Self.split(word, "--field") { try Self.typed($0, readInput) }) }
        _ = try merged()
    }

    private static func split(
        _ word: String, _ flag: String, _ value: (String) throws -> JSONValue
    ) throws -> (key: String, value: JSONValue) {
        guard let equals = word.firstIndex(byte: "="), equals > word.startIndex else {
            throw UsageError("\(flag) must have the form KEY=VALUE")
        }
        return (String(word[..<equals]), try value(String(word.suffix(afterByteAt: equals))))
    }

    private static func typed(_ text: String, _ readInput: (String) throws -> [UInt8]) throws -> JSONValue {
        switch text {
        case "true": return .bool(true)
        case "false": return .bool(false)
        case "null": return .null
        default:
            if text.hasPrefix(bytes: "@") {
                let path = String(text.suffix(afterByteAt: text.startIndex))
                return .string(String(decoding: try readInput(path), as: UTF8.self))
            }
            // Only a number that is written in the same way, so that an ID such as 007 stays a string.
            return Int(text).flatMap { String($0) == text ? .integer($0) : nil } ?? .string(text)
        }
    }

    // MARK: - As a body

    /// The fields as a JSON object.
    var object: JSONValue { (try? merged()) ?? .object([:]) }

    private func merged() throws -> JSONValue {
        var object = JSONValue.object([:])
        for (key, value) in fields { object = try Self.set(value, at: try Self.path(of: key)[...], in: object, key) }
        return object
    }

    /// Returns the parts of a key such as `a[b][]`; an empty part adds to an array.
    private static func path(of key: String) throws -> [String] {
        guard let bracket = key.firstIndex(byte: "[") else { return [key] }
        var parts = [String(key[..<bracket])]
        var rest = key[bracket...]
        while !rest.isEmpty {
            guard rest.hasPrefix(bytes: "["), let end = rest.firstIndex(byte: "]") else { throw invalid(key) }
            parts.append(String(rest.suffix(afterByteAt: rest.startIndex)[..<end]))
            rest = rest.suffix(afterByteAt: end)
        }
        guard !parts[0].isEmpty, parts.dropLast().dropFirst().allSatisfy({ !$0.isEmpty }) else { throw invalid(key) }
        return parts
    }

    private static func invalid(_ key: String) -> UsageError {
        UsageError("invalid field \"\(Arguments.displayed(key))\": use KEY, KEY[NAME] or KEY[]")
    }

    private static func set(
        _ value: JSONValue, at path: ArraySlice<String>, in container: JSONValue?, _ key: String
    ) throws -> JSONValue {
        guard let name = path.first else {
            guard container == nil else { throw UsageError("the field \"\(Arguments.displayed(key))\" is given twice") }
            return value
        }
        switch container {
        case nil where name.isEmpty: return .array([value])
        case .array(let elements)? where name.isEmpty: return .array(elements + [value])
        case nil: return .object([name: try set(value, at: path.dropFirst(), in: nil, key)])
        case .object(var fields)? where !name.isEmpty:
            fields[name] = try set(value, at: path.dropFirst(), in: fields[name], key)
            return .object(fields)
        default: throw invalid(key)
        }
    }

    // MARK: - As a query

    /// Returns a path with the fields added to its query.
    func appended(to path: String) -> String {
        fields.reduce(path) { path, field in
            let text = field.value.stringValue ?? YAML.text(of: field.value)
            return "\(path)\(path.contains(bytes: "?") ? "&" : "?")\(Self.encoded(field.key))=\(Self.encoded(text))"
        }
    }

    /// Returns a path whose query has one value for a name.
    static func replacing(_ name: String, with value: String, in path: String) -> String {
        let parts = path.split(byte: "?", maxSplits: 1, omittingEmptySubsequences: false).map(String.init)
        let others = parts.count < 2 ? [] : parts[1].split(byte: "&").filter { !$0.hasPrefix(bytes: "\(name)=") }
        return parts[0] + "?" + (others.map(String.init) + ["\(name)=\(encoded(value))"]).joined(separator: "&")
    }

    /// Returns a text as one segment of a path.
    ///
    /// Throws for `.` and `..`, which are removed from a path with the segment before them.
    static func segment(_ text: String) throws(UsageError) -> String {
        guard !["", ".", ".."].contains(text) else {
            throw UsageError("PATH: the project in use is \"\(text)\", which cannot be a part of a path")
        }
        return encoded(text)
    }

    private static func encoded(_ text: String) -> String {
        let digits = Array("0123456789ABCDEF".utf8)
        var bytes: [UInt8] = []
        for byte in text.utf8 {
            let isPlain = (0x30...0x39).contains(byte) || (0x41...0x5A).contains(byte) || (0x61...0x7A).contains(byte)
            if isPlain || "-_.~".utf8.contains(byte) {
                bytes.append(byte)
            } else {
                bytes += [UInt8(ascii: "%"), digits[Int(byte >> 4)], digits[Int(byte & 0x0F)]]
            }
        }
        return String(decoding: bytes, as: UTF8.self)
    }
}

extension ServiceError {
    /// Returns the error with the request and the status in its message.
    fileprivate func naming(_ request: String, _ status: Int) -> any Error {
        var response = response
        response.message = "\(response.message) (\(request): HTTP \(status))"
        return Self(response: response)
    }
}
