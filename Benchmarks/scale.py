#!/usr/bin/env python3
"""Fills a database of podstack-server with tokens and audit events, and measures requests on it.

Usage: scale.py fill DATA TOKENS EVENTS FILE [PSQL…]
       scale.py measure URL FILE [ROUNDS]

fill writes a sample of usable tokens to FILE. DATA must contain a pepper, and its database a schema, from an earlier run.
With PSQL, a command that runs psql on the database, it fills PostgreSQL; otherwise the SQLite database in DATA.

All but five tokens of one large account have ended, and half of all events are those of its log. The others belong to
accounts with five tokens. The events are spread over a year, or PODSTACK_SCALE_DAYS; the service keeps those of 90 days, and
measure first waits until it has removed the others.
"""
import hashlib
import hmac
import http.client
import json
import os
import secrets
import sqlite3
import statistics
import subprocess
import sys
import time
import urllib.parse
import zlib

DIGITS = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
ID_DIGITS = "0123456789abcdefghjkmnpqrstvwxyz"
SAMPLE = 20_000
LARGE = 0
LARGE_TOKENS = 100_000
# The days over which the events are spread; the service keeps those of the last 90.
YEAR = int(os.environ.get("PODSTACK_SCALE_DAYS", "365")) * 86_400
ACTIONS = ["create", "update", "delete", "login", "rotate", "revoke", "accept", "approve"]


def base62(number, width):
    text = ""
    for _ in range(width):
        number, digit = divmod(number, 62)
        text = DIGITS[digit] + text
    return text


def token_id(number):
    # An odd factor spreads the IDs over the whole index, as random ones are.
    number = number * 0x9E3779B1 % (1 << 40)
    return "".join(ID_DIGITS[number >> 5 * place & 31] for place in range(8))


def make_token(identifier):
    body = f"podstack_{identifier}_{base62(secrets.randbits(190), 32)}"
    return body + base62(zlib.crc32(body.encode()), 6)


class SQLite:
    def __init__(self, data):
        self.database = sqlite3.connect(f"{data}/podstack.sqlite", isolation_level=None)
        # A database that is half filled is of no use, so it needs no journal. With a small cache, the index of the tokens would be written
        # again for each few rows, as their IDs are random.
        for pragma in ("journal_mode = DELETE", "journal_mode = OFF", "synchronous = OFF", "cache_size = -4000000"):
            self.database.execute(f"PRAGMA {pragma}").fetchall()
        # Sorting all keys once is faster than inserting each.
        self.indexes = self.database.execute(
            "SELECT name, sql FROM sqlite_master WHERE type = 'index' AND sql IS NOT NULL").fetchall()
        self.database.execute("BEGIN EXCLUSIVE")
        for name, _ in self.indexes:
            self.database.execute(f"DROP INDEX {name}")

    def insert(self, table, columns, rows):
        marks = ", ".join("?" * len(columns))
        self.database.executemany(f"INSERT INTO {table} ({', '.join(columns)}) VALUES ({marks})", rows)

    def finish(self):
        for _, sql in self.indexes:
            self.database.execute(sql)
        self.database.execute("COMMIT")
        self.database.execute("PRAGMA journal_mode = WAL").fetchall()
        self.database.close()


class PostgreSQL:
    def __init__(self, psql):
        self.psql = psql
        # The references are right, and checking each takes longer than writing the row.
        self.environment = dict(os.environ, PGOPTIONS="-c session_replication_role=replica -c maintenance_work_mem=512MB")
        self.run("ALTER SYSTEM SET fsync = off")
        self.run("SELECT pg_reload_conf()")
        constraints = "SELECT conname FROM pg_constraint WHERE conname IS NOT NULL"
        self.indexes = [line.split("|", 1) for line in self.run(
            "SELECT indexname || '|' || indexdef FROM pg_indexes "
            f"WHERE schemaname = 'public' AND indexname NOT IN ({constraints})").splitlines()]
        for name, _ in self.indexes:
            self.run(f"DROP INDEX {name}")

    def run(self, statement):
        return subprocess.run([*self.psql, "-qAtc", statement], check=True, env=self.environment, text=True,
                              stdout=subprocess.PIPE).stdout

    @staticmethod
    def text(value):
        if value is None:
            return r"\N"
        return r"\\x" + value.hex() if isinstance(value, bytes) else str(value)

    def insert(self, table, columns, rows):
        command = f"COPY {table} ({', '.join(columns)}) FROM STDIN"
        with subprocess.Popen([*self.psql, "-q", "-c", command], stdin=subprocess.PIPE, env=self.environment,
                              text=True) as process:
            for row in rows:
                process.stdin.write("\t".join(map(self.text, row)) + "\n")
            process.stdin.close()
        if process.returncode:
            sys.exit(f"error: psql cannot fill {table}")

    def finish(self):
        for _, sql in self.indexes:
            self.run(sql)
        self.run("VACUUM ANALYZE")
        self.run("ALTER SYSTEM RESET fsync")
        self.run("SELECT pg_reload_conf()")
        self.run("CHECKPOINT")


def fill(data, tokens, events, path, psql):
    with open(f"{data}/pepper", "rb") as file:
        pepper = file.read()
    database = PostgreSQL(psql) if psql else SQLite(data)
    now = int(time.time())
    large = min(LARGE_TOKENS, tokens // 2)
    accounts = range((tokens - large + 4) // 5 + 1)

    def account(number):
        return 0 if number < large else 1 + (number - large) // 5

    database.insert("accounts", ["id", "created_at"], ((f"acc_{n:020}", now - YEAR) for n in accounts))
    database.insert("projects", ["id", "account_id", "name", "created_at"],
                    ((f"prj_{n:020}", f"acc_{n:020}", "default", now - YEAR) for n in accounts))
    database.insert("users", ["id", "account_id", "email", "email_key", "default_project_id", "created_at"],
                    ((f"usr_{n:020}", f"acc_{n:020}", f"u{n}@example.com", f"u{n}@example.com", f"prj_{n:020}",
                      now - YEAR) for n in accounts))
    database.insert(
        "members",
        ["project_id", "user_id", "role", "can_create", "can_read", "can_update", "can_delete", "added_at"],
        ((f"prj_{n:020}", f"usr_{n:020}", "admin", 1, 1, 1, 1, now - YEAR) for n in accounts))
    stride = max(1, tokens // SAMPLE)
    with open(path, "w") as file:
        def token_rows():
            for number in range(tokens):
                identifier = token_id(number)
                digest = secrets.token_bytes(32)
                revoked = now - number if 5 <= number < large else None
                if number % stride == 0 and not revoked:
                    token = make_token(identifier)
                    file.write(token + "\n")
                    digest = hmac.digest(pepper, hashlib.sha256(token.encode()).digest(), "sha256")
                owner = account(number)
                created = now - YEAR + number * YEAR // tokens
                yield (identifier, f"acc_{owner:020}", f"usr_{owner:020}", "load", digest, "*", created,
                       now + 90 * 86_400, revoked, 1)
        database.insert("tokens", ["id", "account_id", "user_id", "name", "digest", "scopes", "created_at",
                                   "expires_at", "revoked_at", "generation"], token_rows())
    small = max(1, min(len(accounts) - 1, events // 20))
    last = {}

    def event_rows():
        for number in range(events):
            owner = 0 if number % 2 else 1 + number // 2 % small
            last[owner] = last.get(owner, 0) + 1
            yield (f"acc_{owner:020}", last[owner], f"evt_{number:020}", now - YEAR + number * YEAR // events,
                   ACTIONS[number // 2 % len(ACTIONS)], "token", f"res{number % 9973}", f"name {number % 9973}",
                   f"prj_{owner:020}", f"usr_{owner:020}", f"u{owner}@example.com", token_id(number % tokens),
                   f"192.0.2.{number % 250}", "load", "{}", bytes(32), secrets.token_bytes(32))
    database.insert("audit_events", ["account_id", "number", "id", "created_at", "action", "resource_type",
                                     "resource_id", "resource_name", "project_id", "user_id", "user_email",
                                     "token_id", "address", "user_agent", "details", "previous_hash", "hash"],
                    event_rows())
    database.insert("audit_chains", ["account_id", "first_number", "first_hash", "last_number", "last_hash", "seal"],
                    ((f"acc_{owner:020}", 0, bytes(32), number, bytes(32), bytes(32))
                     for owner, number in last.items()))
    database.finish()


class Client:
    def __init__(self, url):
        self.connection = http.client.HTTPConnection(urllib.parse.urlsplit(url).netloc, timeout=120)

    def send(self, method, path, token, expected=200):
        self.connection.request(method, path, headers={"Authorization": f"Bearer {token}"})
        response = self.connection.getresponse()
        body = response.read()
        if response.status == 503 and expected == 200:
            return None
        if response.status != expected:
            sys.exit(f"error: {method} {path}: {response.status} {body[:200]!r}")
        return json.loads(body) if body else None


def report(name, times, unavailable=0):
    times.sort()
    at = [times[min(len(times) - 1, int(len(times) * share))] * 1000 for share in (0.5, 0.95, 0.99)]
    print(f"{name:<48} {at[0]:>9.2f} {at[1]:>9.2f} {at[2]:>9.2f} {times[-1] * 1000:>9.2f} {len(times):>7}"
          + (f"  {unavailable} x 503" if unavailable else ""), flush=True)


def measure(url, path, rounds):
    with open(path) as file:
        tokens = file.read().split()
    owner, others = tokens[0], tokens[len(tokens) // 2:]
    client = Client(url)
    print(f"{'milliseconds':<48} {'p50':>9} {'p95':>9} {'p99':>9} {'max':>9} {'count':>7}")

    def run(name, method, paths, token=lambda index: owner, expected=200):
        times, unavailable = [], 0
        for index, target in enumerate(paths):
            start = time.perf_counter()
            result = client.send(method, target, token(index), expected)
            times.append(time.perf_counter() - start)
            unavailable += result is None and expected == 200
        report(name, times, unavailable)

    # The service removes old events after its start. Meanwhile others must not wait.
    times, start = [], time.perf_counter()
    oldest = f"/v1/audit-logs?limit=1&until={time.strftime('%Y-%m-%dT%H:%M:%SZ', time.gmtime(time.time() - 91 * 86_400))}"
    while client.send("GET", oldest, owner)["audit_logs"]:
        for _ in range(5):
            begin = time.perf_counter()
            client.send("DELETE", "/v1/tokens/self", others.pop(), expected=204)
            times.append(time.perf_counter() - begin)
            time.sleep(0.04)
    if times:
        report(f"revocations while old events go ({time.perf_counter() - start:.0f} s)", times)
    paths = ["/v1/auth/whoami"] * rounds
    run("verification, first use", "GET", paths * 5, lambda index: others[index])
    run("verification, cached", "GET", paths * 5, lambda index: others[index % 50])
    run("revocation", "DELETE", ["/v1/tokens/self"] * rounds, lambda index: others[-1 - index], 204)
    run("tokens of a small account", "GET", ["/v1/tokens?limit=50"] * rounds, lambda index: others[index])
    run("tokens of the large account", "GET", ["/v1/tokens?limit=50"] * rounds)
    few = max(3, rounds // 20)
    page = client.send("GET", "/v1/audit-logs?limit=200", owner)
    middle = page["audit_logs"][0]["user_email"] if "user_email" in page["audit_logs"][0] else "u0@example.com"
    cursor = page["next_cursor"]
    month = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(time.time() - 60 * 86_400))
    run("audit: newest", "GET", ["/v1/audit-logs?limit=50"] * rounds)
    run("audit: next page", "GET", [f"/v1/audit-logs?limit=50&cursor={cursor}"] * rounds)
    run("audit: one action", "GET", [f"/v1/audit-logs?limit=50&action={action}" for action in ACTIONS * few])
    run("audit: an action without events", "GET", ["/v1/audit-logs?limit=50&action=never"] * few)
    run("audit: one user", "GET", [f"/v1/audit-logs?limit=50&user={urllib.parse.quote(middle)}"] * few)
    run("audit: a user without events", "GET", ["/v1/audit-logs?limit=50&user=x%40example.com"] * few)
    run("audit: older than 60 days", "GET", [f"/v1/audit-logs?limit=50&until={month}"] * few)
    run("audit: text, frequent", "GET", ["/v1/audit-logs?limit=50&q=192.0.2.7"] * few)
    run("audit: text, without events", "GET", ["/v1/audit-logs?limit=50&q=nowhere"] * few)
    run("readiness", "GET", ["/readyz"] * few)


if __name__ == "__main__":
    words = sys.argv[1:]
    if len(words) >= 5 and words[0] == "fill":
        fill(words[1], int(words[2]), int(words[3]), words[4], words[5:])
    elif len(words) in (3, 4) and words[0] == "measure":
        measure(words[1], words[2], int((words + ["200"])[3]))
    else:
        sys.exit(__doc__)
