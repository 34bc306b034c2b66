import PodstackAPI
import PodstackTestSupport

@testable import PodstackServer

extension PageTour {
    func visitProjects() throws {
        try browser.follow("Projects")
        try look("projects", "Projects")
        try browser.fill("Name", "  ")
        try browser.press("Create project")
        try look("projects-wrong", "Projects", status: 422)
        try browser.fill("Name", "Weather models")
        try browser.fill("Description", "Forecasts for the coast.\nAsk Grace before anything big.")
        try browser.press("Create project")
        try look("project-created", "Weather models")
        try browser.fill("Email", "nobody@example.com")
        try browser.press("Add member")
        try look("project-wrong-member", "Weather models", status: 422)
        try browser.fill("Email", "grace@example.com")
        try browser.press("Add member")
        try look("project-member-added", "Weather models")
        try browser.fill("Name", "  ")
        try browser.press("Save")
        try look("project-wrong", "Weather models", status: 422)
        try browser.fill("Name", "Weather models, coast")
        try browser.press("Save")
        try look("project-changed", "Weather models, coast")
        let project = try browser.url.prefix { $0 != "?" }
        try visitMembers()
        try browser.open(project + "/delete")
        try look("project-delete", "Delete “Weather models, coast”?")
        try browser.press("Delete project")
        try look("projects-deleted", "Projects")
        try browser.find("th a[href]:has(+ .badge)").click()
        try browser.follow("Delete…")
        try browser.wait(for: "the confirmation") { try browser.heading.hasPrefix("Delete “") }
        try look("project-delete-not", try browser.heading)
    }

    /// Visits the pages of members, starting and ending at the page of a project with two members.
    private func visitMembers() throws {
        try browser.follow("Change \(Self.email)")
        try browser.choose("User: selected permissions")
        try browser.press("Save")
        try look("member-last-admin", Self.email, status: 409)
        try browser.back()
        try browser.back()
        try browser.follow("Change grace@example.com")
        try look("member", "grace@example.com")
        try browser.choose("create")
        try browser.press("Save")
        try look("member-changed", "grace@example.com")
        try browser.press("Deactivate")
        try look("member-deactivated", "grace@example.com")
        try browser.press("Activate")
        try look("member-activated", "grace@example.com")
        try browser.follow("Remove…")
        try look("member-remove", "Remove grace@example.com?")
        try browser.press("Remove member")
        try look("project-member-removed", "Weather models, coast")
    }
}
