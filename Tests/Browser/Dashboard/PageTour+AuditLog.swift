import PodstackTestSupport

extension PageTour {
    func visitAuditLog() throws {
        try browser.follow("Audit log")
        try look("audit-log", "Audit log")
        try browser.find("summary").click()
        try look("audit-log-details", "Audit log")
        try open("/audit-log?limit=5")
        try browser.follow("Older entries")
        try look("audit-log-older", "Audit log")
        try open("/audit-log?q=no%20such%20thing")
        try look("audit-log-none", "Audit log")
        try open("/audit-log?since=yesterday")
        try look("audit-log-wrong", "Audit log", status: 422)
    }
}
