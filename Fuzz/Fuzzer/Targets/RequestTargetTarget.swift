import PodstackAPI

@testable import PodstackServer

/// The target of a request, between its method and its version, with the parameters of the requests that have some.
enum RequestTargetTarget {
    static func run(_ input: [UInt8]) {
        let target = RequestTarget(FuzzInput.text(FuzzInput.inserting(FuzzInput.token, in: input)))
        guard !target.isMalformed else { return }
        let texts = [target.path] + target.query.flatMap { [$0.name, $0.value] }
        require(!texts.contains { $0.utf8.contains(0) }, "no NUL comes through")
        let path = "/" + encoded(target.path, but: UInt8(ascii: "/"))
        let query = target.query.map { "\(encoded($0.name))=\(encoded($0.value))" }.joined(separator: "&")
        let again = RequestTarget("\(path)?\(query)")
        require(!again.isMalformed, "what was decoded can be encoded")
        require(same(again.path, "/" + target.path), "and has the path that it had")
        require(
            again.query.count == target.query.count
                && zip(again.query, target.query).allSatisfy { same($0.name, $1.name) && same($0.value, $1.value) },
            "and the query")
        let request = Request(method: "GET", path: target.path, query: target.query)
        attempt {
            var reader = QueryReader(request, known: ["scope", "project"])
            reader.require("scope")
            let scope = reader.take("scope") { text throws(InvalidValue) in text }
            try reader.finish()
            require(request.query.count(where: { $0.name == "scope" }) == 1, "a parameter is there once")
            require(request.query.allSatisfy { ["scope", "project"].contains($0.name) }, "and no other is")
            require(scope == request.query("scope"), "and its value is what was sent")
        }
    }

    private static func attempt(_ read: () throws -> Void) {
        do { try read() } catch {
            AuthorizationTarget.check(error, [400, 422])
        }
    }

    private static func same(_ left: String, _ right: String) -> Bool { left.utf8.elementsEqual(right.utf8) }

    private static func encoded(_ text: String, but plain: UInt8? = nil) -> String {
        let digits = Array("0123456789abcdef".utf8)
        return FuzzInput.text(
            text.utf8.flatMap { byte in
                byte == plain ? [byte] : [UInt8(ascii: "%"), digits[Int(byte >> 4)], digits[Int(byte & 0x0F)]]
            })
    }
}
