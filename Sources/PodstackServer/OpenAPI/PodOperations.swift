import PodstackAPI

/// The descriptions of the operations on pods, volumes, GPUs and the wallet.
extension OperationDescription {
    static let listPods = OperationDescription(
        summary: "List pods, newest first",
        description:
            """
            Lists the pods of the projects that the token can read or, with `X-Project-ID`, those of one project. \
            Deleted pods are listed only with `status=terminated`, for 90 days.
            """,
        query: [
            .init("status", Schema.podStatus, "Only pods in this state.", "running"),
            .init(
                "label", Schema.list(of: Schema.text(2...319, pattern: "^[^=]+=.*$"), 0...16),
                "Only pods with this label; may be repeated.", ["team=vision"]),
            .init("name", Schema.parameter, "Only the pods with this name.", "trainer"),
        ] + OperationDescription.paging, response: "PodPage")
    static let createPod = OperationDescription(
        summary: "Create a pod",
        description:
            """
            The pod starts as soon as its resources are available; poll `getPod` until its status is `running`. \
            The response never contains the values of `env` or the password of the registry. With an \
            `Idempotency-Key`, a repeated request creates one pod. Fails with 402 if the wallet or a spend limit \
            does not cover a minute of the pod, and with `gpu_not_available` if there are no such GPUs.
            """,
        body: "NewPod", status: 201, response: "Pod", otherErrors: [402])
    static let getPod = OperationDescription(
        summary: "Get a pod", description: "`stale` is true if the container engine does not respond.",
        response: "Pod")
    static let updatePod = OperationDescription(
        summary: "Change the name, the labels or the limits of a pod",
        description: "A limit that is `null` is removed. Fields that are missing do not change.",
        body: "PodUpdate", response: "Pod", otherErrors: [402])
    static let deletePod = OperationDescription(
        summary: "Delete a pod",
        description:
            """
            Deletes the pod and everything on its disk; its volumes stay. Responds with 202 and the pod while it \
            is being removed, and with 204 if it is gone already.
            """,
        query: [
            .init("force", Schema.boolean, "Whether a pod that runs is deleted too (default: false).", true)
        ], status: 202, response: "Pod", otherSuccesses: [204])
    static let startPod = OperationDescription(
        summary: "Start a pod",
        description: "Does nothing if the pod runs or is about to. The pod may not run yet after this.",
        status: 202, response: "Pod", otherErrors: [402])
    static let stopPod = OperationDescription(
        summary: "Stop a pod",
        description:
            "The pod keeps its configuration and is no longer billed. Does nothing if it does not run.",
        query: [
            .init(
                "force", Schema.boolean,
                "Whether the program is killed at once, instead of being asked to end (default: false).", true)
        ], status: 202, response: "Pod")
    static let restartPod = OperationDescription(
        summary: "Restart a pod", description: "Stops the pod if it runs, and starts it again.", status: 202,
        response: "Pod", otherErrors: [402])
    static let getPodLogs = OperationDescription(
        summary: "Get the output of a pod's latest run",
        description:
            """
            The bytes that the pod wrote to its standard output and standard error, also if it failed to start. \
            With `follow=true`, the response goes on until the pod ends.
            """,
        query: [
            .init("tail", Schema.integer(from: 0), "The number of lines at the end (default: all).", 100),
            .init(
                "since", Schema.parameter,
                "Only lines from this time on: ISO 8601, or a time before now such as `10m`.", "10m"),
            .init("follow", Schema.boolean, "Whether to wait for more output (default: false).", false),
            .init(
                "timestamps", Schema.boolean, "Whether each line begins with its time (default: false).", false),
        ], response: "Text", responseType: "text/plain", otherErrors: [409])
    static let execInPod = OperationDescription(
        summary: "Run a command in a pod that runs",
        description:
            """
            Responds once the command has ended, with up to 1 MiB of each stream, or fails with `exec_timeout` \
            after `timeout_seconds`. With `Connection: Upgrade` and `Upgrade: podstack-exec/1`, it responds with \
            101, and frames follow in both directions: one byte for the type, four bytes for the length (big \
            endian, at most 65536), and the payload. Types: 0 input, 1 output, 2 error output, 3 exit code in \
            decimal (the last frame), 4 new size of the terminal as `ROWSxCOLUMNS`, 5 end of the input, 6 \
            failure as a sentence (the last frame).
            """,
        body: "NewPodExec", response: "PodExecResult", otherSuccesses: [101], otherErrors: [504])
    static let downloadPodFiles = OperationDescription(
        summary: "Download a file or a directory of a pod as a tar archive",
        query: [
            .init(
                "path", Schema.parameter, "The absolute path in the pod.", "/workspace/results",
                isRequired: true)
        ], response: "Archive", responseType: OperationDescription.tar, otherErrors: [409])
    static let uploadPodFiles = OperationDescription(
        summary: "Extract a tar archive into a directory of a pod",
        description: "The archive may have any size. The directory must exist.",
        query: [
            .init("path", Schema.parameter, "The absolute path in the pod.", "/workspace", isRequired: true)
        ], body: "Archive", bodyType: OperationDescription.tar, status: 204)
    static let getPodMetrics = OperationDescription(
        summary: "Get the latest measurement of a pod that runs", response: "PodMetrics", otherErrors: [409])
    static let listPodEvents = OperationDescription(
        summary: "List the events of a pod, newest first",
        description: "The service keeps the latest 500 events of a pod.", query: OperationDescription.paging,
        response: "PodEventPage")
    static let listVolumes = OperationDescription(
        summary: "List volumes, newest first", query: OperationDescription.paging, response: "VolumePage")
    static let createVolume = OperationDescription(
        summary: "Create an empty volume", body: "NewVolume", status: 201, response: "Volume")
    static let getVolume = OperationDescription(summary: "Get a volume", response: "Volume")
    static let deleteVolume = OperationDescription(
        summary: "Delete a volume and everything on it",
        description: "Fails with `conflict` and `pod_ids` while pods mount it.", status: 204)
    static let listGPUs = OperationDescription(
        summary: "List the types of GPUs with their availability and price",
        description: "Any token can read it.", response: "GPUPage")
    static let getWallet = OperationDescription(summary: "Get the balance of the account", response: "Wallet")
    static let getUsage = OperationDescription(
        summary: "Get the usage of a period and what it cost",
        description: "The default is this month so far, by day. Days are those of UTC.",
        query: [
            .init("from", Schema.time, "The start of the period, inclusive.", "2026-11-01T00:00:00Z"),
            .init("to", Schema.time, "The end of the period, exclusive.", "2026-12-01T00:00:00Z"),
            .init(
                "group_by", Schema.choice(["day", "token", "project", "pod"]),
                "The meaning of a row (default: `day`).", "token"),
        ], response: "Usage")
}
