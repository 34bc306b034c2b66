#!/usr/bin/env python3
"""Measures how long a service takes to reject an unknown token ID and a wrong secret, alternating.

Usage: timing.py URL PAIRS FILE, with tokens of the service in FILE, a line each. Prints both medians, in µs, and how often
the one was faster than the other: of tokens that cannot be told apart, half the time.
"""
import secrets
import socket
import statistics
import sys
import time
from urllib.parse import urlsplit

from token_format import ID_DIGITS, token


def microseconds(connection, text):
    request = f"GET /v1/auth/whoami HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {text}\r\n\r\n".encode()
    start = time.perf_counter_ns()
    connection.sendall(request)
    answer = connection.recv(65536)
    passed = time.perf_counter_ns() - start
    if b"invalid_token" not in answer:
        sys.exit("error: the answer was not invalid_token, or came in pieces")
    return passed / 1000


def main(url, pairs, path):
    place = urlsplit(url)
    with open(path) as file:
        ids = [line[9:17] for line in file]
    known = set(ids)
    connection = socket.create_connection((place.hostname, place.port))
    connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    unknown, wrong = [], []
    for number in range(pairs + 200):
        # IDs used equally rarely, so that processor caches make no difference.
        other = secrets.choice(ids)
        while other in known:
            other = secrets.choice(ids)[:7] + secrets.choice(ID_DIGITS)
        kinds = [(unknown, token(other)), (wrong, token(secrets.choice(ids)))]
        # The order alternates.
        for times, text in kinds if secrets.randbits(1) else reversed(kinds):
            times.append(microseconds(connection, text))
    # Without the warm-up.
    unknown, wrong = unknown[200:], wrong[200:]
    faster = sum(a < b for a, b in zip(unknown, wrong)) / pairs
    print(f"{statistics.median(unknown):.2f} {statistics.median(wrong):.2f} {faster:.4f}")


if __name__ == "__main__":
    if len(sys.argv) != 4:
        sys.exit(__doc__)
    main(sys.argv[1], int(sys.argv[2]), sys.argv[3])
