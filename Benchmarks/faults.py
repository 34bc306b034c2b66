"""The faults that soak.py injects into a running service, one after the other.

Each fault is a context manager: it begins when it is entered and is over when it is left.
"""
import contextlib
import os
import signal
import socket
import sqlite3
import subprocess
import threading
import time


class LogReader(threading.Thread):
    """Reads the log of the service, and stops reading while it is stalled."""

    def __init__(self, stream):
        super().__init__(daemon=True)
        self.stream = stream
        self.bytes = 0
        self.last_lines = []
        self.reading = threading.Event()
        self.reading.set()

    def run(self):
        while True:
            self.reading.wait()
            data = os.read(self.stream.fileno(), 65536)
            if not data:
                return
            self.bytes += len(data)
            self.last_lines = (self.last_lines + data.decode(errors="replace").splitlines())[-5:]

    @contextlib.contextmanager
    def stalled(self):
        self.reading.clear()
        try:
            yield
        finally:
            self.reading.set()


@contextlib.contextmanager
def locked_sqlite(path):
    """Another process holds the lock of the SQLite database, as a backup tool may do."""
    connection = sqlite3.connect(path, timeout=30, isolation_level=None)
    connection.execute("BEGIN EXCLUSIVE")
    try:
        yield
    finally:
        connection.execute("ROLLBACK")
        connection.close()


@contextlib.contextmanager
def stopped_processes(parent):
    """PostgreSQL and all of its children are stopped, and continue afterwards."""
    children = subprocess.run(["pgrep", "-P", str(parent)], capture_output=True, text=True).stdout.split()
    stopped = [parent] + [int(child) for child in children]
    for process in stopped:
        with contextlib.suppress(ProcessLookupError):
            os.kill(process, signal.SIGSTOP)
    try:
        yield
    finally:
        for process in stopped:
            with contextlib.suppress(ProcessLookupError):
                os.kill(process, signal.SIGCONT)


@contextlib.contextmanager
def full_disk(directory):
    """A file takes all the space that is left on the disk of the directory."""
    path = os.path.join(directory, "filler")
    try:
        with open(path, "wb", buffering=0) as file:
            for size in (1 << 20, 4096, 1):
                with contextlib.suppress(OSError):
                    while file.write(b"\0" * size) == size:
                        pass
        yield
    finally:
        os.unlink(path)


@contextlib.contextmanager
def stepped_clock(file, seconds):
    """The wall clock of the service jumps ahead, and is corrected afterwards."""
    write_offset(file, seconds)
    try:
        yield
    finally:
        write_offset(file, 0)


def write_offset(file, seconds):
    """Sets the file that libfaketime reads; replaced at once, so that it is never read half written."""
    with open(file + ".new", "w") as new:
        new.write(f"+{seconds}\n")
    os.rename(file + ".new", file)


@contextlib.contextmanager
def half_sent_requests(host, port, count=2100, source="127.0.0.2"):
    """One address opens more connections than the service keeps, and completes no request."""
    connections = []
    for _ in range(count):
        connection = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
        connection.settimeout(1)
        connection.bind((source, 0))
        try:
            connection.connect((host, port))
            connection.send(b"POST /v1/tokens HTTP/1.1\r\nHost: x\r\n")
        except OSError:
            connection.close()
            continue
        connections.append(connection)
    try:
        yield
    finally:
        for connection in connections:
            connection.close()


def cycle(faults, end, pause, announce):
    """Injects the faults in turn until `end`, each for `pause` seconds with as long a rest after it.

    No fault begins that would not be over well before the end.
    """
    number = 0
    while faults and time.monotonic() + 3 * pause < end:
        name, fault = faults[number % len(faults)]
        number += 1
        announce(name)
        with fault():
            time.sleep(pause)
        announce(None)
        time.sleep(pause)
    return number
