import PodstackAPI
import PodstackTestSupport

@testable import PodstackServer

extension PageTour {
    func visitDevice() throws {
        try open("/device")
        try look("device", "Connect a program")
        try browser.fill("Code", "ABCD-EFGH")
        try browser.press("Continue")
        try look("device-wrong", "Connect a program", status: 404)
        let code = try ask(["projects:read", "pods:*"])
        try browser.fill("Code", code.lowercased())
        try browser.press("Continue")
        try look("device-request", "A program requests access to your account")
        try browser.press("Approve")
        try look("device-approved", "Approved")
        try open("/device?code=\(code)")
        try look("device-used", "Connect a program", status: 409)
        let other = try ask(nil)
        try open("/device?code=\(other)")
        try browser.press("Deny")
        try look("device-denied", "Denied")
        let late = try ask(nil)
        clock.set(clock.now + DeviceRequest.lifetimeSeconds)
        try open("/device?code=\(late)")
        try look("device-over", "Connect a program", status: 410)
        for _ in 0..<10 { try open("/device?code=ABCD-EFGH") }
        try look("device-too-often", "Connect a program", status: 429)
    }

    /// Starts a request and returns the code that the program shows.
    private func ask(_ scopes: [JSONValue]?) throws -> String {
        var fields: [String: JSONValue] = ["client_name": "podstack on gpu-17"]
        if let scopes { fields["scopes"] = .array(scopes) }
        return try call("POST", "/v1/device/code", fields)["user_code"]?.stringValue ?? ""
    }
}
