import PodstackAPI
import PodstackTestSupport

@testable import PodstackServer

/// The pages of pods and their costs.
extension PageTour {
    func visitPods() throws {
        try open("/pods")
        try look("pods-none", "Pods")
        try preparePrices()
        try open("/pods/new")
        try look("pod-new", "Create a pod")
        // The browser accepts these; the service does not.
        try browser.fill("Name", "trainer")
        try browser.fill("Image", "pytorch/pytorch:2.7.0-cuda12.8-cudnn9-runtime")
        try browser.fill("Ports", "eighty")
        try browser.fill("Environment variables", "WANDB_MODE")
        try browser.press("Create pod")
        try look("pod-new-wrong", "Create a pod", status: 422)
        try browser.fill("Ports", "8080, 6006")
        try browser.fill("Environment variables", "WANDB_MODE=offline")
        try browser.fill("Command", "python train.py --resume\n# logs go to stdout")
        try browser.execute("document.getElementById('gpu_type').value = 'H100'")
        try browser.fill("Number of GPUs", "2")
        try browser.fill("Stop after", "12")
        try browser.fill("Stop when it has cost", "100")
        try browser.press("Create pod")
        try browser.waitForPage("trainer")
        let trainer = try browser.url.prefix { $0 != "?" }
        try wait(for: .running, "trainer")
        clock.set(clock.now + 5400)
        for (name, image) in [
            ("notebook", "jupyter/base-notebook:latest"), ("evaluation", "crash:1"), ("typo", "missing/image:1"),
            ("preprocessing-of-the-speech-recognition-data-set", "python:3.13-slim"),
        ] {
            try createPod(name, image)
        }
        try wait(for: .failed, "evaluation")
        try wait(for: .failed, "typo")
        try wait(for: .running, "notebook")
        try visitPod(String(trainer))
        try open("/pods")
        try look("pods", "Pods")
        try open("/pods?status=pending")
        try look("pods-no-match", "Pods")
        try open("/")
        try look("overview", "Overview")
    }

    private func visitPod(_ trainer: String) throws {
        try browser.open(trainer)
        try look("pod-running", "trainer")
        try browser.press("Restart")
        try browser.waitForPage("trainer")
        try wait(for: .running, "trainer")
        try browser.press("Stop")
        try browser.waitForPage("trainer")
        try wait(for: .stopped, "trainer")
        try browser.reload()
        try look("pod-stopped", "trainer")
        try browser.press("Start")
        try wait(for: .running, "trainer")
        try open("/pods")
        try browser.follow("evaluation")
        try look("pod-failed", "evaluation")
        try browser.follow("Delete…")
        try look("pod-delete", "Delete “evaluation”?")
        try browser.press("Delete pod")
        try look("pods-deleting", "Pods")
        try wait(for: .terminated, "evaluation")
        try open("/pods?status=terminated")
        try browser.follow("evaluation")
        try look("pod-deleted", "evaluation")
    }

    func visitUsage() throws {
        try open("/usage")
        try look("usage", "Usage")
        try open("/usage?period=30")
        try browser.find("summary:not(.menu *)").click()
        try look("usage-table", "Usage")
        try open("/usage?period=custom&from=2027-05-10&to=2027-05-01")
        try look("usage-wrong", "Usage", status: 422)
    }

    // MARK: Setup

    private func user() throws -> UserRecord {
        guard let user = try server.service.database.read({ try UserStore.find(email: Self.email, in: $0) }) else {
            throw BrowserFailure(description: "there is no user")
        }
        return user
    }

    /// Sets prices, credits the account and records runs of the days before.
    private func preparePrices() throws {
        let user = try user()
        let now = clock.now * 1000
        try server.service.database.write { connection in
            for (name, memory, price, devices) in [
                ("H100", 80, 2_990_000, ["0", "1", "2", "3"]), ("L4", 24, 710_000, ["4"]),
            ] as [(String, Int64, Int64, [String])] {
                try BillingStore.set(
                    GPUType(name: name, memoryGigabytes: memory, pricePerHour: price, devices: devices), at: now,
                    in: connection)
            }
            try BillingStore.set(12_000, of: .cpu, in: connection)
            try BillingStore.set(1_500, of: .memory, in: connection)
            try BillingStore.credit(500_000_000, accountID: user.accountID, reason: nil, at: now, in: connection)
            for day in 1..<20 where day % 6 != 0 {
                let charge = PodCharge(
                    podID: "pod_000000000000000000\(day % 3)0", accountID: user.accountID,
                    projectID: user.defaultProjectID, tokenID: nil, pricePerHour: 1_400_000)
                let start = now - Int64(day) * 86_400_000
                try server.service.pods.billing.record(
                    charge, userID: user.id, gpuType: "L4", gpuCount: 1, startedAt: start,
                    finishedAt: start + Int64(day * 7 % 11 + 1) * 3_600_000, in: connection)
            }
        }
    }

    private func createPod(_ name: String, _ image: String) throws {
        let user = try user()
        // Gives each pod its own position in the list.
        clock.set(clock.now + 60)
        var values = PodRequest.Values(name: name, image: image)
        values.cpu = 2
        let service = server.service
        let pod = try service.changes.perform(by: .administrator, at: clock.now) { change in
            try service.pods.create(
                try PodRequest(values), in: change.with(Authority(user.grant, in: change.connection)))
        }
        service.pods.link.wake(pod.id)
    }

    private func wait(for status: PodStatus, _ name: String) throws {
        let user = try user()
        let service = server.service
        try browser.wait(for: "the pod \(name) to be \(status.rawValue)") {
            var selection = PodStore.Selection(userID: user.id)
            (selection.name, selection.status) = (name, status)
            return try !service.pods.list(selection, PageRequest(limit: 1)).page.isEmpty
        }
    }
}
