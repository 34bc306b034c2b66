#!/usr/bin/env python3
"""Puts a mixed load on a running service and watches its memory.

Usage: soak.py URL PID SECONDS RATE, the token of an account in PODSTACK_API_TOKEN. RATE is in requests a second.

Each worker creates, uses, lists, rotates and revokes tokens, checks permissions, and reads the audit log. Every unexpected
response is an error. Exits with 0 if there was none and if the memory at the end is within 10% and 8 MB of that after the
first quarter.
"""
import http.client
import json
import os
import sys
import threading
import time
import urllib.parse

WORKERS = 4


class Counts:
    def __init__(self):
        self.lock = threading.Lock()
        self.requests = 0
        self.errors = []


class Worker(threading.Thread):
    def __init__(self, url, owner, end, pause, counts):
        super().__init__(daemon=True)
        self.url, self.owner, self.end, self.pause, self.counts = url, owner, end, pause, counts
        self.connection = http.client.HTTPConnection(url.hostname, url.port, timeout=60)
        self.due = time.monotonic()

    def request(self, method, path, token, status, code=None, body=None):
        self.due = max(self.due + self.pause, time.monotonic() - 1)
        time.sleep(max(0, self.due - time.monotonic()))
        headers = {"Authorization": "Bearer " + token}
        if body is not None:
            headers["Content-Type"] = "application/json"
        result = {}
        try:
            self.connection.request(method, path, None if body is None else json.dumps(body), headers)
            response = self.connection.getresponse()
            data = response.read()
            if data:
                result = json.loads(data)
            wrong = response.status != status or result.get("error", {}).get("code") != code
            error = f"{method} {path.partition('?')[0]}: {response.status} {result.get('error')}" if wrong else None
        except (OSError, http.client.HTTPException, ValueError) as failure:
            self.connection.close()
            error = f"{method} {path.partition('?')[0]}: {failure!r}"
        with self.counts.lock:
            self.counts.requests += 1
            if error:
                self.counts.errors.append(error)
        return result

    def token_lifecycle(self):
        """Creates, uses, rotates and revokes one token."""
        created = self.request("POST", "/v1/tokens", self.owner, 201, body={"name": "soak", "expires_in_days": 7})
        first, token_id = created.get("token"), created.get("id")
        if not first:
            return
        for _ in range(6):
            self.request("GET", "/v1/auth/whoami", first, 200)
            self.request("GET", "/v1/auth/can?scope=projects:create", first, 200)
        self.request("GET", "/v1/tokens?limit=20", first, 200)
        self.request("GET", f"/v1/tokens/{token_id}", self.owner, 200)
        rotated = self.request("POST", "/v1/tokens/self/rotate", first, 200, body={"grace_seconds": 0})
        second = rotated.get("token")
        if not second:
            return
        self.request("GET", "/v1/auth/whoami", first, 200)
        self.request("GET", "/v1/auth/whoami", second, 200)
        self.request("GET", "/v1/auth/whoami", first, 401, "rotated_token")
        self.request("PATCH", f"/v1/tokens/{token_id}", self.owner, 200, body={"scopes": ["projects:read"]})
        self.request("GET", "/v1/tokens", second, 403, "insufficient_scope")
        self.request("GET", "/v1/audit-logs?limit=20", self.owner, 200)
        self.request("GET", "/v1/projects", second, 200)
        self.request("DELETE", f"/v1/tokens/{token_id}", self.owner, 204)
        self.request("GET", "/v1/auth/whoami", second, 401, "revoked_token")

    def run(self):
        while time.monotonic() < self.end:
            self.token_lifecycle()


def memory(pid):
    """Returns the resident memory in MB."""
    with open(f"/proc/{pid}/status") as file:
        return next(int(line.split()[1]) for line in file if line.startswith("VmRSS:")) / 1024


def main(url, pid, seconds, rate):
    owner = os.environ["PODSTACK_API_TOKEN"]
    counts, start = Counts(), time.monotonic()
    end = start + seconds
    workers = [Worker(urllib.parse.urlsplit(url), owner, end, WORKERS / rate, counts) for _ in range(WORKERS)]
    for worker in workers:
        worker.start()
    # The memory is read every minute, or twelve times in shorter runs.
    interval = min(60, seconds / 12)
    warm, now = None, start
    while now < end:
        time.sleep(max(0, min(end, now + interval) - time.monotonic()))
        now += interval
        used, passed = memory(pid), time.monotonic() - start
        if warm is None and passed >= seconds / 4:
            warm = used
        print(f"{passed:6.0f} s  {counts.requests:9} requests  {len(counts.errors)} errors  {used:6.1f} MB", flush=True)
    for worker in workers:
        worker.join()
    used = memory(pid)
    for error in counts.errors[:20]:
        print("error:", error, file=sys.stderr)
    print(f"{counts.requests} requests, {len(counts.errors)} errors; memory after warm-up {warm:.1f} MB, "
          f"at the end {used:.1f} MB")
    is_flat = abs(used - warm) <= warm / 10 + 8
    if not is_flat:
        print("error: the memory has grown", file=sys.stderr)
    return 0 if is_flat and not counts.errors else 1


if __name__ == "__main__":
    if len(sys.argv) != 5:
        sys.exit(__doc__)
    sys.exit(main(sys.argv[1], int(sys.argv[2]), float(sys.argv[3]), float(sys.argv[4])))
