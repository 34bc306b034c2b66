import Foundation
import PodstackAPI
import PodstackTestSupport
import Testing

@testable import PodstackServer

@Suite("Secrets of the dashboard", .blocking, .databases, .timeLimit(.perTest))
struct DashboardSecretsTests {
    @Test(
        "no part of a password, link, cookie or code is in the data directory or the log",
        arguments: TestDatabase.selected)
    func noTrace(_: TestDatabase) throws {
        let server = try RunningServer()
        let client = TestClient(server)
        let (first, second, wrong) = (
            "correct horse battery staple", "sixteen tons of number nine", "not the right one at all"
        )
        let link = try server.server.signInLink(RunningServer.email)
        try client.choose("short", at: link)
        try client.choose(first, at: link)
        var secrets = [first, second, wrong, String(link.dropFirst("/welcome/".count))]
        secrets += client.cookies.values
        try client.get("/account/sign-in")
        for current in [wrong, first] {
            try client.post(
                "/account/sign-in/password", ["current": current, "password": second, "repeated": second])
        }
        try client.post("/sign-out")
        try client.signIn(password: wrong)
        try client.signIn(email: wrong, password: first)
        try client.signIn(password: second)
        secrets += client.cookies.values
        // In places that are not meant for secrets.
        try client.get("/sign-in?next=\(link)&password=\(second.replacing(" ", with: "+"))")
        try client.post("/\(link.dropFirst("/welcome/".count))", ["password": second])
        for target in [link, String(link.prefix(24)), link + "/x", link.uppercased()] {
            try client.post(target, ["form_key": "x", second: "x"])
        }
        try client.post("/sign-in", ["form_key": secrets[3], "email": second, "password": second])
        secrets += [try #require(client.formKey)]
        let code = try server.server.service.changes.perform(by: .administrator, at: 0) { change in
            try server.server.service.devices.begin(
                DeviceAuthorizationRequest(DeviceAuthorizationRequest.Values(clientName: "CLI")), from: Origin(),
                in: change)
        }
        try client.get("/device?code=\(code.userCode)")
        server.server.stop()

        let folder = server.data.file("data")
        let names = try FileManager.default.contentsOfDirectory(atPath: folder)
        var haystacks = [Data(server.log.utf8)]
        if let database = server.database { haystacks.append(Data(try database.dump().utf8)) }
        for name in names { haystacks.append(try Data(contentsOf: URL(filePath: folder + "/" + name))) }
        #expect(server.log.contains("/account/sign-in/password"))
        #expect(secrets.allSatisfy { $0.count >= 16 })
        for secret in secrets {
            for offset in 0...(secret.count - 16) {
                let piece = Data(secret.dropFirst(offset).prefix(16).utf8)
                for haystack in haystacks {
                    #expect(haystack.range(of: piece) == nil, "\(secrets.firstIndex(of: secret) ?? 0)")
                }
            }
        }
        #expect(haystacks.allSatisfy { $0.range(of: Data(code.userCode.utf8)) == nil })
    }

    @Test("passwords are stored as Argon2id hashes with different salts", arguments: TestDatabase.selected)
    func hash(_: TestDatabase) throws {
        let server = try RunningServer()
        try TestClient(server).signUp()
        try TestClient(server).signUp(email: "other@example.com")
        let hashes = try server.server.service.database.read { connection in
            try connection.run("SELECT password_hash FROM users").map { try $0.text(0) }
        }
        #expect(Set(hashes).count == 2)
        for hash in hashes { #expect(hash.hasPrefix("$argon2id$v=19$m=65536,t=2,p=1$")) }
    }
}
