#!/usr/bin/env python3
"""Loads a service with every operation on tokens while one fault after the other is injected.

Usage: soak.py PROGRAM DIRECTORY SECONDS RATE [--database URL --postgres PID] [--disk] [--clock LIBRARY]

PROGRAM is podstack-server, DIRECTORY the data directory of a new service, RATE in requests a second. The faults: the database is
locked (SQLite) or stopped (PostgreSQL), the disk of DIRECTORY is full (--disk), the clock jumps ahead by an hour and is
corrected (--clock, with libfaketime), no process reads the log, and one address leaves 2,100 requests half sent.

While a fault lasts, a request may get 503 or wait. What must hold all the time:
  - A change that was acknowledged stays: a created token authenticates, a revoked one never does again.
  - A client whose token is in the cache is verified without a 5xx response. With PostgreSQL, only while the database runs.
  - No other response is wrong, and when no fault lasts there is no 503.
  - The memory at the end is within 10 % and 8 MB of that after the first quarter.
"""
import argparse
import hashlib
import http.client
import json
import os
import subprocess
import sys
import threading
import time
import urllib.parse

import faults
from token_format import new_id, token

WORKERS = 4
# The seconds after a fault in which a response may still be one of the fault.
AFTERMATH = 12
EMAIL = "you@example.com"


class Record:
    """What the load has seen, shared by all threads."""

    def __init__(self):
        self.lock = threading.Lock()
        self.requests = 0
        self.unavailable = 0
        self.errors = []
        self.fault = None
        self.fault_ended = -AFTERMATH
        # Token IDs with their secrets: those that must authenticate, and those that must not.
        self.live, self.dead = {}, {}

    def announce(self, fault):
        with self.lock:
            if fault is None:
                self.fault_ended = time.monotonic()
            self.fault = fault

    def may_fail(self):
        return self.fault is not None or time.monotonic() - self.fault_ended < AFTERMATH

    def error(self, text):
        with self.lock:
            self.errors.append(f"{text} (fault: {self.fault})")


class Connection:
    """A connection that is opened again when the service closed it."""

    def __init__(self, url):
        self.connection = http.client.HTTPConnection(url.hostname, url.port, timeout=120)

    def send(self, method, path, secret, body=None):
        """Returns the status, the body and whether there was a response."""
        headers = {"Authorization": "Bearer " + secret}
        if body is not None:
            headers["Content-Type"] = "application/json"
        try:
            self.connection.request(method, path, None if body is None else json.dumps(body), headers)
            response = self.connection.getresponse()
            data = response.read()
            return response.status, json.loads(data) if data else {}, True
        except (OSError, http.client.HTTPException, ValueError):
            self.connection.close()
            return 0, {}, False


class Worker(threading.Thread):
    def __init__(self, url, owner, end, pause, record):
        super().__init__(daemon=True)
        self.owner, self.end, self.pause, self.record = owner, end, pause, record
        self.connection = Connection(url)
        self.due = time.monotonic()

    def request(self, method, path, secret, status, code=None, body=None):
        """Sends a request until a response is final, as a client that retries does; returns its body.

        Every change may be repeated: the new secrets are the client's own.
        """
        while True:
            self.due = max(self.due + self.pause, time.monotonic() - 1)
            time.sleep(max(0, self.due - time.monotonic()))
            mattered = self.record.may_fail()
            got, result, responded = self.connection.send(method, path, secret, body)
            error = result.get("error", {}).get("code")
            with self.record.lock:
                self.record.requests += 1
            if not responded or (got == 503 and error == "unavailable"):
                if not (mattered or self.record.may_fail()):
                    self.record.error(f"{method} {path.partition('?')[0]}: {got or 'no response'} without a fault")
                with self.record.lock:
                    self.record.unavailable += 1
                time.sleep(0.25)
                continue
            if got != status or error != code:
                self.record.error(f"{method} {path.partition('?')[0]}: {got} {result.get('error')}")
            return result if got == status else {}

    def create(self):
        token_id = new_id()
        secret = token(token_id)
        body = {"name": "soak", "expires_in_days": 7, "id": token_id, "sha256": hashlib.sha256(secret.encode()).hexdigest()}
        return token_id, secret, self.request("POST", "/v1/tokens", self.owner, 201, body=body)

    def token_lifecycle(self):
        """Creates, uses, rotates and revokes one token."""
        token_id, first, created = self.create()
        if not created:
            return
        with self.record.lock:
            self.record.live[token_id] = first
        for _ in range(6):
            self.request("GET", "/v1/auth/whoami", first, 200)
            self.request("GET", "/v1/auth/can?scope=projects:create", first, 200)
        self.request("GET", "/v1/tokens?limit=20", first, 200)
        self.request("GET", f"/v1/tokens/{token_id}", self.owner, 200)
        second = token(token_id)
        body = {"grace_seconds": 0, "id": token_id, "sha256": hashlib.sha256(second.encode()).hexdigest()}
        if not self.request("POST", "/v1/tokens/self/rotate", first, 200, body=body):
            return
        self.request("GET", "/v1/auth/whoami", first, 200)
        # The first use of the new secret ends the old one.
        self.request("GET", "/v1/auth/whoami", second, 200)
        with self.record.lock:
            self.record.live[token_id] = second
            self.record.dead[token_id + " before its rotation"] = first
        self.request("GET", "/v1/auth/whoami", first, 401, "rotated_token")
        self.request("PATCH", f"/v1/tokens/{token_id}", self.owner, 200, body={"scopes": ["projects:read"]})
        self.request("GET", "/v1/tokens", second, 403, "insufficient_scope")
        self.request("GET", "/v1/audit-logs?limit=20", self.owner, 200)
        self.request("GET", "/v1/projects", second, 200)
        with self.record.lock:
            # From here on it may be either, until the revocation is acknowledged.
            del self.record.live[token_id]
        self.request("DELETE", f"/v1/tokens/{token_id}", self.owner, 204)
        with self.record.lock:
            self.record.dead[token_id] = second
        self.request("GET", "/v1/auth/whoami", second, 401, "revoked_token")

    def run(self):
        while time.monotonic() < self.end:
            self.token_lifecycle()


class CachedClient(threading.Thread):
    """Verifies one token again and again, and keeps the times."""

    def __init__(self, url, owner, end, record, needs_database):
        super().__init__(daemon=True)
        self.owner, self.end, self.record, self.needs_database = owner, end, record, needs_database
        self.connection = Connection(url)
        self.milliseconds = []

    def run(self):
        while time.monotonic() < self.end:
            time.sleep(0.02)
            mattered = self.record.may_fail()
            start = time.perf_counter()
            status, result, responded = self.connection.send("GET", "/v1/auth/whoami", self.owner)
            self.milliseconds.append(1000 * (time.perf_counter() - start))
            if status == 200 or (self.needs_database and (mattered or self.record.may_fail()) and status == 503):
                continue
            self.record.error(f"cached whoami: {status if responded else 'no response'} {result.get('error', '')}")

    def percentile(self, share):
        times = sorted(self.milliseconds)
        return times[min(len(times) - 1, int(share * len(times)))]


class Server:
    """A running podstack-server whose log this program reads."""

    def __init__(self, program, directory, database, clock):
        self.program, self.directory = program, directory
        self.environment = dict(os.environ)
        if database:
            self.environment["PODSTACK_DATABASE_URL"] = database
        self.run("user", "add", EMAIL)
        self.owner = self.run("token", "create", EMAIL, "--name", "soak")
        environment = dict(self.environment)
        self.clock = None
        if clock:
            self.clock = os.path.join(directory, "..", "clock")
            faults.write_offset(self.clock, 0)
            # Without the last one, pthread_cond_timedwait on the monotonic clock returns at once, which takes a processor.
            environment.update(
                LD_PRELOAD=clock, FAKETIME_TIMESTAMP_FILE=self.clock, FAKETIME_CACHE_DURATION="1",
                FAKETIME_DONT_FAKE_MONOTONIC="1", FAKETIME_DONT_RESET="1", FAKETIME_FORCE_MONOTONIC_FIX="0")
        # Through env: libfaketime changes the environment of the first process, which loses Swift's arguments.
        self.process = subprocess.Popen(
            ["env", program, "serve", "--listen", "127.0.0.1:0", "--data", directory, "--max-active-tokens", "100",
             "--failed-authentications", "1000000"],
            stdout=subprocess.PIPE, stderr=subprocess.PIPE, env=environment)
        self.log = faults.LogReader(self.process.stderr)
        self.log.start()
        line = self.process.stdout.readline().decode()
        if not line.startswith("podstack-server listening on "):
            sys.exit("error: the server did not start: " + " ".join(self.log.last_lines))
        self.url = urllib.parse.urlsplit(line.split()[-1])

    def run(self, *words):
        """Runs a command beside the server, and returns its output."""
        result = subprocess.run(
            [self.program, *words, "--data", self.directory], env=self.environment, capture_output=True, text=True)
        if result.returncode != 0:
            sys.exit(f"error: podstack-server {words[0]} {words[1]}: {result.stderr}")
        return result.stdout.strip()

    def memory(self):
        """Returns the resident memory in MB."""
        with open(f"/proc/{self.process.pid}/status") as file:
            return next(int(line.split()[1]) for line in file if line.startswith("VmRSS:")) / 1024

    def stop(self):
        self.process.terminate()
        return self.process.wait(60)


def faults_of(server, arguments):
    """Returns the names of the faults with what injects each."""
    chosen = []
    if arguments.database:
        chosen.append(("database stopped", lambda: faults.stopped_processes(arguments.postgres)))
    else:
        path = os.path.join(server.directory, "podstack.sqlite")
        chosen.append(("database locked", lambda: faults.locked_sqlite(path)))
    chosen.append(("log reader stalled", server.log.stalled))
    if arguments.disk:
        chosen.append(("disk full", lambda: faults.full_disk(server.directory)))
    chosen.append(("half-sent requests", lambda: faults.half_sent_requests(server.url.hostname, server.url.port)))
    if server.clock:
        chosen.append(("clock an hour ahead", lambda: faults.stepped_clock(server.clock, 3600)))
    return chosen


def check_acknowledged(server, record):
    """Compares every acknowledged change with the service as it is."""
    connection = Connection(server.url)
    for kind, tokens, expected in (("created", record.live, 200), ("revoked or rotated", record.dead, 401)):
        for token_id, secret in tokens.items():
            status, _, _ = connection.send("GET", "/v1/auth/whoami", secret)
            if status != expected:
                record.errors.append(f"the {kind} token {token_id} gets {status}: an acknowledged change is lost")


def main():
    parser = argparse.ArgumentParser(usage=__doc__)
    parser.add_argument("program")
    parser.add_argument("directory")
    parser.add_argument("seconds", type=float)
    parser.add_argument("rate", type=float)
    parser.add_argument("--database")
    parser.add_argument("--postgres", type=int)
    parser.add_argument("--disk", action="store_true")
    parser.add_argument("--clock")
    arguments = parser.parse_args()
    server = Server(arguments.program, arguments.directory, arguments.database, arguments.clock)
    record, start = Record(), time.monotonic()
    end = start + arguments.seconds
    cached = CachedClient(server.url, server.owner, end, record, needs_database=bool(arguments.database))
    threads = [Worker(server.url, server.owner, end, WORKERS / arguments.rate, record) for _ in range(WORKERS)] + [cached]
    for thread in threads:
        thread.start()
    # Longer than the service waits for a lock, in runs that have the time.
    pause = min(15, arguments.seconds / 24)
    injector = threading.Thread(
        target=faults.cycle, args=(faults_of(server, arguments), end, pause, record.announce), daemon=True)
    injector.start()
    # The memory is read every minute, or twelve times in shorter runs.
    interval = min(60, arguments.seconds / 12)
    warm, now = None, start
    while now < end:
        time.sleep(max(0, min(end, now + interval) - time.monotonic()))
        now += interval
        used, passed = server.memory(), time.monotonic() - start
        if warm is None and passed >= arguments.seconds / 4:
            warm = used
        print(f"{passed:6.0f} s  {record.requests:9} requests  {record.unavailable:6} unavailable  "
              f"{len(record.errors)} errors  {used:6.1f} MB", flush=True)
    for thread in [*threads, injector]:
        thread.join()
    used = server.memory()
    check_acknowledged(server, record)
    status = server.stop()
    if status != 0:
        record.errors.append(f"the service exited with {status}")
    for error in record.errors[:20]:
        print("error:", error, file=sys.stderr)
    print(f"{record.requests} requests, {len(record.errors)} errors; {len(record.dead)} revocations and rotations and "
          f"{len(record.live)} live tokens checked")
    print(f"cached whoami: median {cached.percentile(0.5):.1f} ms, 99th percentile {cached.percentile(0.99):.1f} ms, "
          f"longest {cached.percentile(1):.1f} ms")
    print(f"memory after warm-up {warm:.1f} MB, at the end {used:.1f} MB")
    is_flat = abs(used - warm) <= warm / 10 + 8
    if not is_flat:
        print("error: the memory has grown", file=sys.stderr)
    print(server.run("audit", "verify"))
    return 0 if is_flat and not record.errors else 1


if __name__ == "__main__":
    sys.exit(main())
