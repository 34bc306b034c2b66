/// The audit log in plain words.
enum AuditWords {
    static let resources = [
        ("token", "Token"), ("project", "Project"), ("member", "Member"), ("user", "User"), ("device", "Device"),
    ]

    /// What there is of each, made once: a page has a thousand entries.
    private static let actions = Dictionary(uniqueKeysWithValues: AuditAction.allCases.map { ($0.rawValue, $0) })
    private static let names = Dictionary(uniqueKeysWithValues: resources)

    /// Of an event: such as `Project created`, and how much it asks to be looked at.
    static func said(_ action: String, of resource: String) -> (text: String, badge: String) {
        guard let known = actions[action] else { return (action, "badge") }
        let text =
            switch known {
            case .create: (names[resource] ?? resource) + " created"
            case .update: (names[resource] ?? resource) + " changed"
            case .delete: (names[resource] ?? resource) + " deleted"
            default: said(known)
            }
        return (text, badge(known))
    }

    static func said(_ action: AuditAction) -> String {
        switch action {
        case .create: "Created"
        case .update: "Changed"
        case .delete: "Deleted"
        case .userCreated: "User created"
        case .userDisabled: "User disabled"
        case .userEnabled: "User enabled"
        case .tokenCreated: "Token created"
        case .tokenUpdated: "Token changed"
        case .tokenRotated: "Token rotated"
        case .tokenRevoked: "Token revoked"
        case .memberAdded: "Member added"
        case .memberRemoved: "Member removed"
        case .memberActivated: "Member activated"
        case .memberDeactivated: "Member deactivated"
        case .permissionsChanged: "Permissions changed"
        case .login: "Signed in"
        case .logout: "Signed out"
        case .loginFailed: "Sign-in failed"
        case .passwordChosen: "First password chosen"
        case .passwordChanged: "Password changed"
        case .sessionRevoked: "Browser signed out"
        case .deviceApproved: "Device approved"
        case .deviceDenied: "Device denied"
        case .rotatedTokenUsed: "Replaced secret used"
        }
    }

    private static func badge(_ action: AuditAction) -> String {
        switch action {
        case .loginFailed, .rotatedTokenUsed: "badge bad"
        case .delete, .userDisabled, .tokenRevoked, .memberRemoved, .memberDeactivated, .deviceDenied: "badge warn"
        case .create, .userCreated, .userEnabled, .tokenCreated, .memberAdded, .memberActivated, .deviceApproved:
            "badge good"
        default: "badge"
        }
    }

    /// Such as `Expires at`, of `expires_at`.
    static func label(_ key: String) -> String {
        // That of the program that asked, not of whoever decided about it.
        if key == "address" { return "Asked from" }
        return spaced(key)
    }

    private static func spaced(_ key: String) -> String {
        String(
            unsafeUninitializedCapacity: key.utf8.count,
            initializingUTF8With: { bytes in
                var count = 0
                for byte in key.utf8 {
                    let isFirstOfWord = count == 0 && (UInt8(ascii: "a")...UInt8(ascii: "z")).contains(byte)
                    bytes[count] =
                        isFirstOfWord ? byte & ~0x20 : byte == UInt8(ascii: "_") ? UInt8(ascii: " ") : byte
                    count += 1
                }
                return count
            })
    }
}
