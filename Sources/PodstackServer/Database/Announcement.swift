/// What is not as it was: whoever remembers anything of it must forget that.
struct Announcement: Sendable, Equatable {
    var tokens: Set<String> = []
    var users: Set<String> = []

    var isEmpty: Bool { tokens.isEmpty && users.isEmpty }

    init(tokens: Set<String> = [], users: Set<String> = []) {
        self.tokens = tokens
        self.users = users
    }

    /// A line for each part, at most 7,000 bytes long.
    var lines: [String] {
        var lines: [String] = []
        for name in tokens.sorted().map({ "t:" + $0 }) + users.sorted().map({ "u:" + $0 }) {
            if let last = lines.last, last.utf8.count + name.utf8.count < 7000 {
                lines[lines.count - 1] += " " + name
            } else {
                lines.append(name)
            }
        }
        return lines
    }

    init(line: some StringProtocol) {
        for name in line.split(separator: " ") {
            if name.hasPrefix("t:") { tokens.insert(String(name.dropFirst(2))) }
            if name.hasPrefix("u:") { users.insert(String(name.dropFirst(2))) }
        }
    }
}
