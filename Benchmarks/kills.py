#!/usr/bin/env python3
"""Kills podstack-server at random moments while clients change things, and checks after each restart what is left.

Usage: kills.py PROGRAM DIRECTORY ROUNDS [--seed N] [--sabotage SQL] [--database URL --cluster DIRECTORY --control COMMAND…]

PROGRAM is podstack-server, DIRECTORY the data directory of a new service. In each round, eight clients and an operator create,
rotate, narrow and revoke tokens and change projects and members, until SIGKILL ends the service. They repeat requests without a
response after the restart, or at another instance. With --database there are two instances on one PostgreSQL cluster, of which
one or both are killed, and in some rounds, PostgreSQL is stopped with -m immediate or its processes are killed. COMMAND is
pg_ctl with all options but the last words. In some rounds, an instance is killed again while it starts.

After each restart, on every instance:
  - Every acknowledged change is there. A request without a response has changed everything that it asks for, or nothing.
  - Revoked and rotated secrets are rejected, narrowed tokens have no other scope, removed members have no access.
  - The audit log has exactly one event for each change: no request was carried out twice. `audit verify` finds it intact.
A repeated request gets the stored reply. No request gets an error other than 503, or waits a minute.

--sabotage runs SQL on the SQLite database after each kill, to show that the checks find it.
"""
import argparse
import collections
import concurrent.futures
import hashlib
import os
import random
import re
import signal
import sqlite3
import subprocess
import sys
import threading
import time

import kill_writers
from kill_writers import Account, Connection, Failure, Gate, Operator, Writer

WRITERS = 8
GUESTS = 3
# A round ends before this number of changes is acknowledged.
CHANGES = 100
# The rounds after its last change in which a thing is checked; older ones are sampled, and all are checked at the end.
RECENT_ROUNDS = 3
OLDER_SAMPLE = 12


class PostgreSQL:
    """The cluster of the run."""

    def __init__(self, directory, control):
        self.directory, self.control = directory, control

    def run(self, *words):
        subprocess.run([*self.control, *words], check=True, stdout=subprocess.DEVNULL)

    def backends(self):
        """Returns the process IDs of the connections of clients."""
        with open(os.path.join(self.directory, "postmaster.pid")) as file:
            parent = file.readline().strip()
        lines = subprocess.run(["pgrep", "-a", "-P", parent], capture_output=True, text=True).stdout.splitlines()
        return [int(line.split()[0]) for line in lines if " postgres: podstack " in line]

    def disturb(self, choices):
        """Stops or harms the cluster in one of four ways; returns which."""
        way = choices.choice(["backend killed", "backends killed", "connections closed", "stopped immediately"])
        if way == "stopped immediately":
            self.run("stop", "-m", "immediate")
            time.sleep(choices.uniform(0, 0.3))
            self.run("start", "-w")
            return way
        found = self.backends()
        choices.shuffle(found)
        for backend in found[:1 if way == "backend killed" else None]:
            try:
                os.kill(backend, signal.SIGTERM if way == "connections closed" else signal.SIGKILL)
            except ProcessLookupError:
                pass
        return way


class Instance:
    """One process of podstack-server."""

    def __init__(self, service):
        self.service = service
        self.start()

    def start(self):
        """Starts the process without waiting for it."""
        self.began = time.monotonic()
        self.process = subprocess.Popen(
            [self.service.program, "serve", "--listen", "127.0.0.1:0", "--data", self.service.directory,
             "--max-active-tokens", "99999", "--max-projects", "99999", "--failed-authentications", "1000000",
             "--reports-per-minute", "1000000", "--log-requests", "errors"],
            stdout=subprocess.PIPE, stderr=self.service.log, env=self.service.environment)

    def await_port(self):
        """Waits until requests are accepted; returns the seconds since the start.

        While PostgreSQL recovers, the process fails and is started again, as the unit of systemd does.
        """
        began = self.began
        while not (line := self.process.stdout.readline().decode()).startswith("podstack-server listening on "):
            status = self.process.wait(10)
            if not self.service.cluster or status != 1 or time.monotonic() - began > 30:
                raise Failure(f"an instance did not start: exit status {status}; see the log")
            self.service.count("starts while PostgreSQL recovered")
            time.sleep(0.1)
            self.process.stdout.close()
            self.start()
        self.port = int(line.rsplit(":", 1)[1])
        return time.monotonic() - self.began

    def kill(self):
        if self.process.poll() is not None:
            raise Failure(f"an instance ended by itself with status {self.process.returncode}")
        self.process.kill()
        self.process.wait()
        self.process.stdout.close()


class Service:
    """The instances, and what their clients share."""

    def __init__(self, arguments):
        self.program, self.directory = os.path.abspath(arguments.program), arguments.directory
        self.environment = dict(os.environ)
        self.cluster = None
        if arguments.database:
            self.environment["PODSTACK_DATABASE_URL"] = arguments.database
            self.cluster = PostgreSQL(arguments.cluster, arguments.control)
        self.log = open(arguments.directory + ".log", "ab")
        self.gate = Gate(WRITERS + 1)
        self.lock = threading.Lock()
        self.counts, self.errors = collections.Counter(), []
        self.round, self.commands, self.longest_start = 0, set(), 0.0
        accounts = [self.account(f"user{number}@example.com") for number in range(WRITERS + 1 + GUESTS)]
        self.guests, self.accounts = accounts[WRITERS + 1:], accounts[:WRITERS + 1]
        self.instances = [Instance(self) for _ in range(2 if self.cluster else 1)]
        self.await_ports()

    def command(self, *words):
        """Runs a command beside the service; returns its output."""
        result = subprocess.run(
            [self.program, *words, "--data", self.directory], env=self.environment, capture_output=True, text=True)
        if result.returncode != 0:
            raise Failure(f"podstack-server {words[0]} {words[1]}: {result.stderr or result.stdout}")
        return result.stdout.strip()

    def account(self, email):
        self.command("user", "add", email)
        return Account(email, None, self.command("token", "create", email, "--name", "owner"))

    def await_ports(self):
        for instance in self.instances:
            self.longest_start = max(self.longest_start, instance.await_port())
        self.ports = [instance.port for instance in self.instances]

    def count(self, name, number=1):
        with self.lock:
            self.counts[name] += number

    def fail(self, text):
        """Records an error, with a part of a digest in place of each secret."""
        text = re.sub(
            r"(podstack_\w{8})_\w{38}", lambda found: f"{found[1]}#{hashlib.sha256(found[0].encode()).hexdigest()[:4]}", text)
        with self.lock:
            self.errors.append(f"round {self.round}: {text}")

    def kill(self, chosen):
        for instance in chosen:
            instance.kill()
            self.count("kills")

    def restart(self, chosen, choices):
        """Starts instances again, and sometimes kills one of them once more before it is ready."""
        for instance in chosen:
            instance.start()
        if choices.random() < 0.15:
            time.sleep(choices.uniform(0, 0.12))
            again = choices.choice(chosen)
            # Without PostgreSQL, it has ended already.
            if again.process.poll() is None or not self.cluster:
                self.kill([again])
                again.start()
        for instance in chosen:
            self.longest_start = max(self.longest_start, instance.await_port())
        self.ports = [instance.port for instance in self.instances]


class Check:
    """Compares one account with the running instances."""

    def __init__(self, service, account):
        self.service, self.account = service, account
        self.connections = [Connection(port) for port in service.ports]

    def send(self, connection, method, path, secret):
        """Sends a request that only reads, until the database is available."""
        end = time.monotonic() + 30
        while True:
            response = connection.send(method, path, secret)
            if response and response[0] != 503:
                return response
            if time.monotonic() > end:
                raise Failure(f"{method} {path} got {response and response[0]} for 30 s")
            time.sleep(0.05)

    def token(self, thing, known):
        status, body, _ = self.send(self.connections[0], "GET", f"/v1/tokens/{thing.id}", self.account.secret)
        if status == 404:
            return None
        state = {name: body[name] for name in ("name", "scopes", "generation")}
        state["revoked"], state["secrets"] = body["status"] == "revoked", {}
        for secret in known["secrets"]:
            found = set()
            for connection in self.connections:
                status, body, _ = self.send(connection, "GET", "/v1/auth/whoami", secret)
                found.add("ok" if status == 200 else kill_writers.error_code(body))
                if status == 200 and body["token"]["scopes"] != state["scopes"]:
                    found.add(f"scopes {body['token']['scopes']}")
            state["secrets"][secret] = " and ".join(sorted(found))
        return state

    def project(self, thing, _):
        path = f"/v1/projects/{thing.id}"
        status, body, _ = self.send(self.connections[0], "GET", path, self.account.secret)
        if status == 404:
            return None
        state = {name: body[name] for name in ("name", "description")}
        _, body, _ = self.send(self.connections[0], "GET", path + "/members?limit=200", self.account.secret)
        state["members"] = {
            member["user_id"]: (member["role"], frozenset(member["permissions"]), member["status"])
            for member in body.get("members", [])}
        for guest in self.service.guests:
            is_member = state["members"].get(guest.user_id, ("", "", ""))[2] == "active"
            for connection in self.connections:
                status, _, _ = self.send(connection, "GET", path, guest.secret)
                if (status == 200) != is_member:
                    state["access"] = f"{guest.email} got {status}"
        return state

    def thing(self, thing):
        possible = [thing.state, *(thing.possible or ())]
        if thing.kind == "token":
            # The first use of a pending secret would end the others; the client uses it next.
            pending = {secret for state in possible if state for secret, code in state["secrets"].items() if code == "pending"}
            possible = [state and dict(state, secrets={
                secret: code for secret, code in state["secrets"].items() if secret not in pending}) for state in possible]
        known = next((state for state in reversed(possible) if state is not None), {"secrets": {}})
        read = self.token if thing.kind == "token" else self.project
        # A transaction whose client was killed may still be on its way.
        end = time.monotonic() + (5 if thing.possible else 0)
        while True:
            found = read(thing, known)
            if found in possible:
                break
            if time.monotonic() >= end:
                raise Failure(f"{thing.kind} {thing.id} is {found}; acknowledged was {thing.state}, possible {thing.possible}")
            time.sleep(0.05)
        if thing.possible and found != possible[0]:
            self.service.count("made")

    def events(self):
        """Compares the audit log with the changes, reading what is new since the last check."""
        account, new, cursor = self.account, [], ""
        while True:
            _, page, _ = self.send(self.connections[0], "GET", f"/v1/audit-logs?limit=200{cursor}", account.secret)
            for event in page["audit_logs"]:
                if event["id"] == account.last_event:
                    cursor = None
                    break
                new.append(event)
            if cursor is None or page["next_cursor"] is None:
                break
            cursor = f"&cursor={page['next_cursor']}"
        if cursor is not None and account.last_event:
            raise Failure(f"the audit event {account.last_event} is gone")
        # The caller of a rotated secret is recorded; the users and their first tokens are from before.
        for event in new:
            if event["action"] != "rotated_token_used" and (event["user_id"] or account.last_event):
                account.known_events[
                    event["action"], event["resource_type"], event["resource_id"], event["project_id"]] += 1
        if new:
            account.last_event = new[0]["id"]
        missing, extra = account.events - account.known_events, account.known_events - account.events
        unknown = account.unknown_tokens
        for event, number in list(extra.items()):
            possible = account.possible_event
            if possible and event[:2] == possible[:2] and (possible[2] is None or event == possible) and number == 1:
                del extra[event]
            elif unknown and event[0] == "token_created":
                unknown -= 1
                del extra[event]
        if missing or extra:
            raise Failure(f"the audit log lacks {dict(missing)} and has {dict(extra)}; possible is {account.possible_event}")

    def all(self, choices, is_complete):
        account, recent = self.account, self.service.round - RECENT_ROUNDS
        things = [thing for thing in account.things if is_complete or thing.possible or thing.changed_in >= recent]
        older = [thing for thing in account.things if thing.changed_in < recent]
        if not is_complete:
            things += choices.sample(older, min(OLDER_SAMPLE, len(older)))
        for check, items in ((self.events, [()]), (self.thing, [(thing,) for thing in things])):
            for item in items:
                try:
                    check(*item)
                except Failure as failure:
                    self.service.fail(f"{account.email}: {failure}")
        self.service.count("checked", len(things))
        self.service.count("interrupted", 1 if account.possible_event else 0)
        if is_complete:
            self.listed()

    def listed(self):
        """Compares the lists of tokens and projects with what the clients know: there must not be any other."""
        for kind, path, key in (("token", "/v1/tokens", "tokens"), ("project", "/v1/projects", "projects")):
            names, cursor = collections.Counter(), ""
            while cursor is not None:
                _, page, _ = self.send(self.connections[0], "GET", f"{path}?limit=200{cursor}", self.account.secret)
                names.update(element["name"] for element in page[key])
                cursor = page["next_cursor"] and f"&cursor={page['next_cursor']}"
            for name in ("owner", "default"):
                names.pop(name, None)
            known = collections.Counter(
                thing.state["name"] for thing in self.account.things if thing.kind == kind and thing.state)
            surplus, lost = names - known, known - names
            if lost or sum(surplus.values()) > (self.account.unknown_tokens if kind == "token" else 0):
                self.service.fail(f"{self.account.email}: {kind}s {dict(lost)} are lost, {dict(surplus)} were created twice")


def check(service, choices, is_complete=False):
    with concurrent.futures.ThreadPoolExecutor(4) as pool:
        seeds = [random.Random(choices.random()) for _ in service.accounts]
        for result in [pool.submit(Check(service, account).all, seed, is_complete)
                       for account, seed in zip(service.accounts, seeds)]:
            result.result()
    try:
        return service.command("audit", "verify")
    except Failure as failure:
        service.fail(str(failure))


def play(service, choices, sabotage):
    """Plays one round: clients at work, a kill, a restart and a check."""
    service.round += 1
    service.gate.open()
    wanted = service.counts["acknowledged"] + choices.randrange(CHANGES)
    # With PostgreSQL, the first revocation after a kill waits two seconds for the lease of the killed instance.
    end = time.monotonic() + choices.uniform(1, 6)
    while service.counts["acknowledged"] < wanted and time.monotonic() < end:
        time.sleep(0.002)
    time.sleep(choices.uniform(0, 0.02))
    chosen = list(service.instances)
    if len(chosen) > 1 and choices.random() < 0.5:
        chosen = [choices.choice(chosen)]
    disturbance = None
    if service.cluster and choices.random() < 0.4:
        own = random.Random(choices.random())
        disturbance = threading.Thread(target=lambda: service.count(service.cluster.disturb(own)))
        disturbance.start()
        # Before, during or after it.
        time.sleep(choices.choice([0, 0, choices.uniform(0, 0.4)]))
    if choices.random() < 0.5:
        for process in list(service.commands):
            process.kill()
            service.count("commands killed")
    service.kill(chosen)
    if len(chosen) < len(service.instances):
        # The clients go on at the other instance.
        time.sleep(choices.uniform(0, 1))
    service.gate.close()
    if disturbance:
        disturbance.join()
    if sabotage:
        with sqlite3.connect(os.path.join(service.directory, "podstack.sqlite")) as database:
            database.executescript(sabotage)
        database.close()
    service.restart(chosen, choices)
    check(service, choices)


def report(service):
    counts = service.counts
    disturbances = ", ".join(f"{number} x {name}" for name, number in sorted(counts.items()) if " " in name)
    print(f"round {service.round:4}: {counts['kills']} kills, {counts['acknowledged']} acknowledged changes, "
          f"{counts['interrupted']} without a response of which {counts['made']} were made, {counts['repeated']} repeated "
          f"requests, {counts['checked']} checks, {len(service.errors)} errors; {disturbances or 'no disturbance'}; "
          f"slowest start {service.longest_start:.1f} s", flush=True)


def main():
    parser = argparse.ArgumentParser(usage=__doc__)
    parser.add_argument("program")
    parser.add_argument("directory")
    parser.add_argument("rounds", type=int)
    parser.add_argument("--seed", type=int, default=int(time.time()))
    parser.add_argument("--sabotage")
    parser.add_argument("--database")
    parser.add_argument("--cluster")
    parser.add_argument("--control", nargs=argparse.REMAINDER)
    arguments = parser.parse_args()
    print(f"seed {arguments.seed}", flush=True)
    choices = random.Random(arguments.seed)
    service = Service(arguments)
    for account in service.accounts + service.guests:
        account.user_id = Connection(service.ports[0]).send("GET", "/v1/auth/whoami", account.secret)[1]["id"]
    writers = [Writer(account, service.guests, service, choices.random()) for account in service.accounts[:WRITERS]]
    writers.append(Operator(service.accounts[WRITERS], [], service, choices.random()))
    # The users and their first tokens are in the audit log already.
    for account in service.accounts:
        Check(service, account).events()
    for writer in writers:
        writer.start()
    try:
        while service.counts["kills"] < arguments.rounds and not service.errors:
            play(service, choices, arguments.sabotage)
            if service.round % 10 == 0:
                report(service)
        if not service.errors:
            service.gate.finish()
            print(check(service, choices, is_complete=True))
    except Failure as failure:
        service.fail(str(failure))
    report(service)
    service.gate.end()
    for instance in service.instances:
        instance.process.terminate()
        if instance.process.wait(60) != 0:
            service.fail(f"an instance stopped with status {instance.process.returncode}")
    if not service.cluster:
        with sqlite3.connect(os.path.join(service.directory, "podstack.sqlite")) as database:
            problems = [*database.execute("PRAGMA integrity_check"), *database.execute("PRAGMA foreign_key_check")]
        database.close()
        if problems != [("ok",)]:
            service.fail(f"SQLite reports {problems[:5]}")
    for error in service.errors[:20]:
        print("error:", error, file=sys.stderr)
    return 1 if service.errors else 0


if __name__ == "__main__":
    sys.exit(main())
