import PodstackAPI

/// The examples of the operations on pods, volumes, GPUs and the wallet.
extension Examples {
    static let podParameters: [String: Parameter] = [
        "pod": Parameter("The ID of the pod.", .string(podID)),
        "volume": Parameter("The ID of the volume.", .string(volumeID)),
    ]

    static let podRequests: [String: JSONValue] = [
        "NewPod": [
            "name": "trainer", "image": "pytorch/pytorch:latest", "gpu_type": "A100", "gpu_count": 1, "cpu": 8,
            "memory": 64, "disk": 100, "ports": [8888], "env": ["EPOCHS": "10"], "command": "python train.py",
            "volumes": [["volume_id": .string(volumeID), "mount_path": "/data"]], "labels": ["team": "vision"],
            "stop_after": "8h", "max_cost": 20, "token_scopes": ["pods:read"],
        ],
        "PodUpdate": ["stop_after": 28800, "max_cost": .null],
        "NewPodExec": ["command": ["nvidia-smi", "-L"], "timeout_seconds": 60],
        "NewVolume": ["name": "datasets"],
        "Archive": "a tar archive",
    ]

    static let podResponses: [String: JSONValue] = [
        "Pod": pod, "PodPage": page("pods", pod),
        "PodExecResult": ["exit_code": 0, "stdout": "GPU 0: NVIDIA A100\n", "stderr": "", "truncated": false],
        "PodMetrics": [
            "timestamp": .string(time), "gpu_utilization": 87.5, "gpu_memory_used": 34_359_738_368,
            "gpu_memory_total": 85_899_345_920, "cpu_usage": 250, "memory_used": 8_589_934_592,
            "memory_total": 68_719_476_736,
        ],
        "PodEventPage": page(
            "events", ["timestamp": .string(time), "type": "started", "message": "The pod was started"]),
        "Volume": volume, "VolumePage": page("volumes", volume),
        "GPUPage": page(
            "gpus", ["type": "A100", "memory": 80, "total": 8, "available": 3, "price_per_hour": 2.5]),
        "Wallet": ["balance": 37.5, "credited": 100, "spent": 62.5, "spent_this_month": 12.25],
        "Usage": [
            "from": "2026-11-01T00:00:00Z", "to": .string(time), "group_by": "day",
            "usage": [
                ["key": "2026-11-24", "name": .null, "seconds": 7200, "gpu_seconds": 7200, "cost": 5]
            ], "total_cost": 5,
        ],
        "Archive": "a tar archive",
    ]

    static let podErrors: [String: JSONValue] = [
        "insufficient_balance": error(
            "insufficient_balance", "The wallet does not cover the pod",
            ["required_amount": 0.041667, "available_amount": 0.01, "limit": "wallet"]),
        "gpu_not_available": error(
            "gpu_not_available", "There is no GPU of the type B300",
            ["gpu_type": "B300", "available_types": ["A100", "H100"]]),
        "conflict": error(
            "conflict", "The pod must be running", ["current_state": "stopped", "required_state": "running"]),
    ]

    private static let podID = "pod_3kTq8WmZ0bYx"
    private static let volumeID = "vol_6hRn1CsD4e"

    private static let pod: JSONValue = [
        "id": .string(podID), "name": "trainer", "project_id": .string(projectID), "image": "pytorch/pytorch:latest",
        "gpu_type": "A100", "gpu_count": 1, "cpu": 8, "memory": 64, "disk": 100,
        "ports": [["container_port": 8888, "address": "127.0.0.1:49153"]], "env": ["EPOCHS"],
        "command": "python train.py", "volumes": [["volume_id": .string(volumeID), "mount_path": "/data"]],
        "labels": ["team": "vision"], "status": "running", "status_reason": .null, "node": "gpu-1",
        "created_at": .string(time), "started_at": .string(time), "finished_at": .null, "exit_code": .null,
        "price_per_hour": 2.5, "cost": 0.75,
        "limits": ["stop_after": 28800, "delete_after": .null, "max_cost": 20], "token_scopes": ["pods:read"],
        "created_by": ["user_id": .string(userID), "email": "you@example.com", "token_id": .string(tokenID)],
        "stale": false,
    ]
    private static let volume: JSONValue = [
        "id": .string(volumeID), "name": "datasets", "project_id": .string(projectID), "created_at": .string(time),
        "created_by": ["user_id": .string(userID), "email": "you@example.com", "token_id": .string(tokenID)],
        "pod_ids": [.string(podID)],
    ]
}
