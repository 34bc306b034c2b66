#!/usr/bin/env python3
"""Fills a data directory of podstack-server with tokens, five a user, in one transaction, and writes them to a file.

Usage: fill-tokens.py DATA COUNT FILE. The directory must contain a schema and a pepper from an earlier run.
"""
import hashlib
import hmac
import secrets
import sqlite3
import sys
import time
import zlib

DIGITS = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
ID_DIGITS = "0123456789abcdefghjkmnpqrstvwxyz"


def base62(number, width):
    text = ""
    for _ in range(width):
        number, digit = divmod(number, 62)
        text = DIGITS[digit] + text
    return text


def make_token(number):
    token_id = "".join(ID_DIGITS[number >> 5 * place & 31] for place in range(8))
    body = f"podstack_{token_id}_{base62(secrets.randbits(190), 32)}"
    return token_id, body + base62(zlib.crc32(body.encode()), 6)


def main(data, count, path):
    with open(f"{data}/pepper", "rb") as file:
        pepper = file.read()
    database = sqlite3.connect(f"{data}/podstack.sqlite", isolation_level=None)
    now = int(time.time())
    run = database.cursor().executemany
    database.execute("BEGIN IMMEDIATE")
    users = range((count + 4) // 5)
    run("INSERT INTO accounts VALUES (?, ?)", ((f"acc_{n:020}", now) for n in users))
    run("INSERT INTO projects (id, account_id, name, created_at) VALUES (?, ?, 'default', ?)",
        ((f"prj_{n:020}", f"acc_{n:020}", now) for n in users))
    run("INSERT INTO users (id, account_id, email, email_key, name, default_project_id, created_at) "
        "VALUES (?, ?, ?, ?, NULL, ?, ?)",
        ((f"usr_{n:020}", f"acc_{n:020}", f"u{n}@example.com", f"u{n}@example.com", f"prj_{n:020}", now)
         for n in users))
    run("INSERT INTO members (project_id, user_id, role, can_create, can_read, can_update, can_delete, added_at) "
        "VALUES (?, ?, 'admin', 1, 1, 1, 1, ?)", ((f"prj_{n:020}", f"usr_{n:020}", now) for n in users))
    with open(path, "w") as file:
        def rows():
            for number in range(count):
                token_id, token = make_token(number)
                file.write(token + "\n")
                digest = hmac.digest(pepper, hashlib.sha256(token.encode()).digest(), "sha256")
                owner = number // 5
                yield token_id, f"acc_{owner:020}", f"usr_{owner:020}", digest, now, now + 90 * 86400
        run("INSERT INTO tokens (id, account_id, user_id, name, digest, scopes, created_at, expires_at, generation) "
            "VALUES (?, ?, ?, 'load', ?, '*', ?, ?, 1)", rows())
    database.execute("COMMIT")
    database.execute("PRAGMA wal_checkpoint(TRUNCATE)")


if __name__ == "__main__":
    if len(sys.argv) != 4:
        sys.exit(__doc__)
    main(sys.argv[1], int(sys.argv[2]), sys.argv[3])
