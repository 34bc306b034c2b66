"""A real podstack-server for the tests, and an environment without the settings of the user that runs them."""

import json
import os
import re
import shutil
import subprocess
import sys
import tempfile
import time
import urllib.request
from pathlib import Path

import pytest

REPOSITORY = Path(__file__).resolve().parent.parent.parent
EMAIL = "you@example.com"


def _find_server():
    given = os.environ.get("PODSTACK_TEST_SERVER")
    if given:
        return given
    for folder in ("debug", "release"):
        path = REPOSITORY / ".build" / folder / "podstack-server"
        if path.exists():
            return str(path)
    pytest.exit("podstack-server is not built: run scripts/python, or set PODSTACK_TEST_SERVER")


class Server:
    """A running podstack-server with one account."""

    def __init__(self, folder, *options):
        self.program = _find_server()
        self.data = folder / "data"
        self.email = EMAIL
        self.run("user", "add", EMAIL)
        self.run("user", "add", "other@example.com")
        self.token = self.create_token("tests", "--expires-in-days", "never")
        self.log = open(folder / "log", "wb")
        self.process = subprocess.Popen(
            [self.program, "serve", "--listen", "127.0.0.1:0", "--data", self.data, "--max-active-tokens", "100",
             "--failed-authentications", "10000", "--device-codes-per-minute", "1000", *options],
            stdout=subprocess.PIPE, stderr=self.log)
        line = self.process.stdout.readline().decode()
        self.url = re.search(r"http://\S+", line).group()

    def run(self, *words):
        result = subprocess.run([self.program, *words, "--data", self.data], capture_output=True, text=True)
        assert result.returncode == 0, result.stderr
        return result.stdout.strip()

    def create_token(self, name="token", *words):
        return self.run("token", "create", EMAIL, "--name", name, "--max-active-tokens", "100", *words)

    def stop(self):
        self.process.terminate()
        self.process.wait(timeout=20)
        self.process.stdout.close()
        self.log.close()

    def document(self):
        with urllib.request.urlopen(self.url + "/openapi.json") as response:
            return json.load(response)


@pytest.fixture(scope="session")
def server(tmp_path_factory):
    server = Server(tmp_path_factory.mktemp("server"))
    yield server
    server.stop()


@pytest.fixture(scope="session")
def engine_server(tmp_path_factory):
    """A podstack-server with a container engine of its own, which needs root."""
    if os.geteuid() != 0:
        pytest.skip("a container engine needs root")
    # The path of a socket is limited to 107 bytes.
    folder = Path(tempfile.mkdtemp(prefix="podstack-"))
    script = REPOSITORY / "scripts/engine"
    try:
        started = subprocess.run([script, "start", folder / "engine"], capture_output=True, text=True)
        assert started.returncode == 0, started.stderr
        (folder / "server").mkdir()
        server = Server(folder / "server", "--engine", started.stdout.strip())
        try:
            yield server
        finally:
            server.stop()
    finally:
        subprocess.run([script, "stop", folder / "engine"], check=True, capture_output=True)
        shutil.rmtree(folder)


@pytest.fixture(autouse=True)
def environment(monkeypatch, tmp_path):
    """Gives each test a home directory of its own, and removes the settings of the user."""
    for name in list(os.environ):
        if name.startswith("PODSTACK_") and not name.startswith("PODSTACK_TEST_") or name.lower().endswith("_proxy"):
            monkeypatch.delenv(name)
    home = tmp_path / "home"
    home.mkdir()
    monkeypatch.setenv("HOME", str(home))
    return home


@pytest.fixture
def signed_in(monkeypatch, server):
    """Sets the token and the endpoint of the server in the environment."""
    monkeypatch.setenv("PODSTACK_API_TOKEN", server.token)
    monkeypatch.setenv("PODSTACK_API_ENDPOINT", server.url)
    return server


@pytest.fixture
def run_program(tmp_path):
    """Returns a function that runs a program in a process of its own."""

    def run(text, *, timeout=60, check=True, **variables):
        path = tmp_path / "program.py"
        path.write_text(text)
        result = subprocess.run(
            [sys.executable, path], cwd=tmp_path, env={**os.environ, **variables}, capture_output=True, text=True,
            timeout=timeout)
        if check:
            assert result.returncode == 0, result.stdout + result.stderr
        return result

    return run


def eventually(condition, seconds=10):
    """Waits until a condition is true; fails if it takes too long."""
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end, f"not true within {seconds} seconds"
        time.sleep(0.005)


def command(name):
    """Returns the path of a program of the environment that runs the tests."""
    beside = Path(sys.executable).parent / name
    return str(beside) if beside.exists() else shutil.which(name)
