/// What is accepted as a password: length counts, rules of what must be in it do not.
/// Source: NIST SP 800-63B, section 3.1.1.
enum Password {
    static let shortest = 12
    /// Of its UTF-8: enough for any sentence.
    static let longest = 1024

    /// What is wrong with one, as the end of a sentence; nil when nothing is.
    static func defect(_ password: String, email: String) -> String? {
        if password.count < shortest { return "must have at least \(shortest) characters" }
        if password.utf8.count > longest { return "is longer than \(longest) bytes" }
        if password.lowercased().contains(email.lowercased()) { return "must not hold your e-mail address" }
        if Set(password).count < 5 { return "repeats too few characters" }
        return nil
    }
}

/// Passwords of users, in the database.
enum PasswordStore {
    static func hash(userID: String, in connection: any DatabaseConnection) throws -> String? {
        try connection.run("SELECT password_hash FROM users WHERE id = ?", [.text(userID)]).first?.optionalText(0)
    }

    static func set(_ hash: String, userID: String, in connection: any DatabaseConnection) throws {
        try connection.run("UPDATE users SET password_hash = ? WHERE id = ?", [.text(hash), .text(userID)])
    }
}
