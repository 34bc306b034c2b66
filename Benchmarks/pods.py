"""Measures pods next to the container engine that runs them; used by the section `pods` of scripts/bench.

Usage: pods.py create-ours|create-engine ENGINE COUNT   the median of milliseconds from a request to a container that runs
       pods.py logs-ours|logs-engine ENGINE POD           megabytes a second of a pod's output
       pods.py fill DATABASE COUNT                        copies the only pod of a SQLite database, while no service uses it
       pods.py list                                       the median of milliseconds to list 1,000 pods
       pods.py idle ENGINE PID COUNT                      percent of a core that a service uses beside COUNT pods that run

PODSTACK_URL and PODSTACK_API_TOKEN name the service. ENGINE is the path of the engine's socket.
"""
import http.client
import json
import os
import socket
import sqlite3
import statistics
import sys
import time
import urllib.parse

IMAGE = "podstack-test:1"
# Small enough that 200 pods fit on any machine.
SIZE = {"cpu": 0.1, "memory": 1, "disk": 1}


class Engine(http.client.HTTPConnection):
    def __init__(self, path):
        super().__init__("engine")
        self.path = path

    def connect(self):
        self.sock = socket.socket(socket.AF_UNIX)
        self.sock.connect(self.path)


def service():
    return http.client.HTTPConnection(urllib.parse.urlsplit(os.environ["PODSTACK_URL"]).netloc)


def send(connection, method, path, body=None):
    headers = {"Content-Type": "application/json"}
    if not isinstance(connection, Engine):
        headers["Authorization"] = "Bearer " + os.environ["PODSTACK_API_TOKEN"]
    connection.request(method, path, None if body is None else json.dumps(body), headers)
    response = connection.getresponse()
    data = response.read()
    if response.status >= 400:
        raise SystemExit(f"{method} {path}: {response.status} {data[:300]!r}")
    return json.loads(data) if data else None


def create(connection, name):
    body = {"name": name, "image": IMAGE, "command": "sleep 100000", **SIZE}
    return send(connection, "POST", "/v1/pods", body)["id"]


def await_status(connection, identifier, status, pause=0.002):
    while True:
        pod = send(connection, "GET", "/v1/pods/" + identifier)
        if pod["status"] == status:
            return
        if pod["status"] == "failed":
            raise SystemExit(f"the pod failed: {pod['status_reason']}")
        time.sleep(pause)


def create_ours(count):
    connection = service()
    times = []
    for number in range(count):
        begin = time.perf_counter()
        identifier = create(connection, f"bench-{os.getpid()}-{number}")
        await_status(connection, identifier, "running")
        times.append(time.perf_counter() - begin)
        send(connection, "DELETE", f"/v1/pods/{identifier}?force=true")
        await_status(connection, identifier, "terminated", 0.05)
    return statistics.median(times) * 1000


def create_engine(path, count):
    connection = Engine(path)
    # The network of the project exists, as it does for all pods of a project but the first.
    networks = [each["Name"] for each in send(connection, "GET", "/v1.41/networks") if each["Name"].startswith("podstack-")]
    times = []
    for number in range(count):
        name = f"bench-engine-{os.getpid()}-{number}"
        body = {
            "Image": IMAGE, "Cmd": ["/bin/sh", "-c", "sleep 100000"],
            "HostConfig": {"NanoCpus": 100_000_000, "Memory": 1 << 30, "MemorySwap": 1 << 30, "CapDrop": ["ALL"],
                           "PidsLimit": 4096, "NetworkMode": networks[0] if networks else "bridge"}}
        begin = time.perf_counter()
        send(connection, "POST", f"/v1.41/containers/create?name={name}", body)
        send(connection, "POST", f"/v1.41/containers/{name}/start")
        times.append(time.perf_counter() - begin)
        send(connection, "DELETE", f"/v1.41/containers/{name}?force=true")
    return statistics.median(times) * 1000


def rate(connection, path):
    headers = {} if isinstance(connection, Engine) else {"Authorization": "Bearer " + os.environ["PODSTACK_API_TOKEN"]}
    begin = time.perf_counter()
    connection.request("GET", path, headers=headers)
    response = connection.getresponse()
    if response.status != 200:
        raise SystemExit(f"{path}: {response.status}")
    count = 0
    while data := response.read(1 << 20):
        count += len(data)
    if count < 10_000_000:
        raise SystemExit(f"only {count} bytes of output")
    return count / 1e6 / (time.perf_counter() - begin)


def fill(database, count):
    connection = sqlite3.connect(database)
    columns = [row[1] for row in connection.execute("PRAGMA table_info(pods)")]
    row = list(connection.execute(f"SELECT {', '.join(columns)} FROM pods LIMIT 1").fetchone())
    marks = ", ".join("?" * len(columns))
    for number in range(count):
        values = dict(zip(columns, row))
        values["id"] = f"pod_{number:020d}"
        values["name"] = f"copy-{number}"
        connection.execute(f"INSERT INTO pods ({', '.join(columns)}) VALUES ({marks})", list(values.values()))
    connection.commit()


def list_pods():
    """Reads 1,000 pods, which takes several pages: the bytes of a page are limited."""
    connection = service()
    times = []
    for _ in range(30):
        begin = time.perf_counter()
        count, cursor = 0, ""
        while count < 1000:
            page = send(connection, "GET", "/v1/pods?limit=1000" + cursor)
            count += len(page["pods"])
            if count < 1000 and not page["next_cursor"]:
                raise SystemExit(f"only {count} pods")
            cursor = "&cursor=" + (page["next_cursor"] or "")
        times.append(time.perf_counter() - begin)
    return statistics.median(times) * 1000


def processor_seconds(pid):
    with open(f"/proc/{pid}/stat") as file:
        fields = file.read().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def idle(pid, count):
    connection = service()
    known = {pod["name"]: pod["id"] for pod in send(connection, "GET", "/v1/pods?limit=1000")["pods"]}
    names = [f"idle-{number}" for number in range(count)]
    identifiers = [known.get(name) or create(connection, name) for name in names]
    for identifier in identifiers:
        await_status(connection, identifier, "running", 0.1)
    time.sleep(5)
    begin, used = time.perf_counter(), processor_seconds(pid)
    time.sleep(30)
    return (processor_seconds(pid) - used) / (time.perf_counter() - begin) * 100


command, *rest = sys.argv[1:]
if command == "create-ours":
    print(round(create_ours(int(rest[1])), 1))
elif command == "create-engine":
    print(round(create_engine(rest[0], int(rest[1])), 1))
elif command == "logs-ours":
    print(round(rate(service(), f"/v1/pods/{rest[1]}/logs"), 1))
elif command == "logs-engine":
    print(round(rate(Engine(rest[0]), f"/v1.41/containers/{rest[1]}/logs?stdout=true&stderr=true"), 1))
elif command == "fill":
    fill(rest[0], int(rest[1]))
elif command == "list":
    print(round(list_pods(), 2))
elif command == "idle":
    print(round(idle(int(rest[1]), int(rest[2])), 2))
else:
    raise SystemExit(__doc__)
