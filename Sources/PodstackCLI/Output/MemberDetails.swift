import Podstack

/// The people of a project as text.
enum MemberDetails {
    static func table(_ members: [Member], isWide: Bool) -> String {
        Table.text(
            ["ID", "EMAIL", "ROLE", "PERMISSIONS", "STATUS"] + (isWide ? ["NAME", "ADDED"] : []),
            members.map { member in
                [member.userID, member.email, member.role, permissions(member), member.status]
                    + (isWide ? [member.name ?? "", Timestamp.format(member.addedAt)] : [])
            })
    }

    static func text(_ member: Member) -> String {
        Details.text([
            ("ID", member.userID), ("E-mail", member.email), ("Name", member.name ?? ""), ("Role", member.role),
            ("Permissions", permissions(member)), ("Status", member.status),
            ("Added", Timestamp.format(member.addedAt)),
        ])
    }

    /// As in "user with create, read".
    static func rights(_ member: Member) -> String {
        member.role == "admin" ? "admin" : "\(member.role) with \(member.permissions.joined(separator: ", "))"
    }

    private static func permissions(_ member: Member) -> String {
        member.role == "admin" ? "all" : member.permissions.joined(separator: " ")
    }
}
