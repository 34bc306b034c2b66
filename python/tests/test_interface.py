"""The C interface itself: handles that were closed, and callers that are not Python."""

import ctypes
import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

import podstack
from podstack import _native

FOLDER = Path(podstack.__file__).parent
REPOSITORY = Path(__file__).resolve().parent.parent.parent
_native._library.version()
LIBRARY = ctypes.CDLL(str(FOLDER / "libPodstackC.so.1"))


def call(name, *arguments):
    place = _native._Place(1 << 16)
    function = getattr(LIBRARY, name)
    function.restype = ctypes.c_int32
    status = function(*arguments, place.reference)
    return status, json.loads(place.take() or b"null"), place.result.handle


def uint64(value):
    return ctypes.c_uint64(value)


def test_unknown_and_closed_handles():
    text = b'{"api_token": "x", "environment": {}}'
    status, _, client = call("podstack_open", b"client", text, ctypes.c_size_t(len(text)))
    assert status == 0 and client > 0
    LIBRARY.podstack_close(uint64(client))
    LIBRARY.podstack_close(uint64(client))
    LIBRARY.podstack_close(uint64(0))
    LIBRARY.podstack_close(uint64(2**64 - 1))
    queue = LIBRARY.podstack_queue_new
    queue.restype = ctypes.c_uint64
    other = queue()
    # A handle of another kind is no client, and no call.
    for handle in (client, 0, 2**64 - 1, other):
        status, error, _ = call("podstack_call", uint64(handle), b"auth.whoami", b"", ctypes.c_size_t(0), ctypes.c_int64(10))
        assert (status, error["code"]) == (1, "client_closed")
        status, error, _ = call("podstack_wait", uint64(handle), ctypes.c_int64(10))
        assert (status, error["code"]) == (1, "client_closed")
    for handle in (client, 0):
        status, error, _ = call("podstack_queue_take", uint64(handle))
        assert (status, error["code"]) == (1, "client_closed")
        assert LIBRARY.podstack_queue_descriptor(uint64(handle)) == -1
        LIBRARY.podstack_cancel(uint64(handle), uint64(1))
    LIBRARY.podstack_reply(uint64(12345), b"{}", ctypes.c_size_t(2))
    LIBRARY.podstack_reply(uint64(12345), b"{", ctypes.c_size_t(1))
    LIBRARY.podstack_close(uint64(other))
    status, error, _ = call(
        "podstack_submit", uint64(client), b"auth.whoami", b"", ctypes.c_size_t(0), uint64(other), uint64(1))
    assert (status, error["code"]) == (1, "client_closed")


@pytest.mark.parametrize(
    "arguments, problem",
    [
        (b"{", "not a JSON object"), (b"[]", "not a JSON object"), (b"\xff", "not a JSON object"), (b'{"a": 1, "a": 2}', "not a JSON"),
        (b'{"api_token": 5}', "api_token must be a string"), (b'{"timeout": "x"}', "timeout must be a number"),
        (b'{"retry": {"max_retries": 1.5}}', "max_retries must be an integer"), (b'{"environment": {"A": 1}}', "environment"),
        (b'{"credentials": {"kind": "magic"}}', "credentials"), (b'{"retry": {"retry_on": ["x"]}}', "retry_on"),
        (b'{"transport": "yes"}', "transport must be true or false"),
    ])
def test_invalid_arguments(arguments, problem):
    status, error, _ = call("podstack_open", b"client", arguments, ctypes.c_size_t(len(arguments)))
    assert status == 1 and problem in error["message"] and error["type"] == "InterfaceError"


def test_unknown_names_and_missing_pointers():
    assert call("podstack_open", b"nonsense", None, ctypes.c_size_t(0))[:2][1]["code"] == "invalid_argument"
    assert call("podstack_open", None, None, ctypes.c_size_t(0))[0] == 1
    assert call("podstack_function", b"nonsense", None, ctypes.c_size_t(0))[1]["code"] == "no_operation"
    assert LIBRARY.podstack_open(b"client", None, ctypes.c_size_t(0), None) == 1
    text = b'{"api_token": "x", "environment": {}}'
    _, _, client = call("podstack_open", b"client", text, ctypes.c_size_t(len(text)))
    for name in (b"nonsense", b"", None):
        status, error, _ = call("podstack_call", uint64(client), name, None, ctypes.c_size_t(0), ctypes.c_int64(0))
        assert (status, error["code"]) == (1, "no_operation")
    status, error, _ = call("podstack_call", uint64(client), b"tokens.get", b"{}", ctypes.c_size_t(2), ctypes.c_int64(1000))
    assert (status, error["message"]) == (1, "The argument id must be a string")
    LIBRARY.podstack_close(uint64(client))


def test_a_result_that_does_not_fit(tmp_path):
    path = tmp_path / "big.env"
    path.write_text("".join(f"NAME_{number}=value\n" for number in range(5000)))
    assert len(podstack.read_dotenv(path)) == 5000


def test_only_the_interface_is_exported():
    if shutil.which("nm") is None:
        pytest.skip("nm is not installed")
    output = subprocess.run(
        ["nm", "--dynamic", "--defined-only", "--format=posix", FOLDER / "libPodstackC.so.1"], capture_output=True, text=True,
        check=True).stdout
    exported = {line.split()[0].split("@")[0] for line in output.splitlines()}
    header = (REPOSITORY / "Sources/PodstackC/podstack.h").read_text()
    declared = {name for name in exported if name + "(" in header}
    assert exported == declared and len(exported) == 16


C_PROGRAM = r"""
#include "podstack.h"
#include <stdio.h>
#include <string.h>

int main(int count, char **words) {
    podstack_result result = {0};
    if (podstack_interface() != PODSTACK_INTERFACE) return 10;
    char arguments[1024];
    snprintf(arguments, sizeof arguments, "{\"api_token\": \"%s\", \"api_endpoint\": \"%s\"}", words[1], words[2]);
    int32_t status = podstack_open("client", arguments, strlen(arguments), &result);
    podstack_handle client = result.handle;
    podstack_free(result.data);
    if (status != PODSTACK_OK) return 11;
    status = podstack_call(client, "auth.whoami", NULL, 0, 10000, &result);
    while (status == PODSTACK_PENDING) status = podstack_wait(result.handle, 10000, &result);
    printf("%.*s\n", (int)result.size, (char *)result.data);
    podstack_free(result.data);
    podstack_close(client);
    if (podstack_call(client, "auth.whoami", NULL, 0, 10, &result) != PODSTACK_ERROR) return 12;
    podstack_free(result.data);
    podstack_shutdown(1000);
    return status;
}
"""


def test_a_program_in_c(server, tmp_path):
    compiler = shutil.which("cc") or shutil.which("gcc") or shutil.which("clang")
    if compiler is None:
        pytest.skip("no C compiler")
    source = tmp_path / "program.c"
    source.write_text(C_PROGRAM)
    program = tmp_path / "program"
    subprocess.run(
        [compiler, "-std=c11", "-Wall", "-Wextra", "-Werror", "-pedantic", "-Wno-unused-parameter", "-I", REPOSITORY / "Sources/PodstackC",
         "-o", program, source, FOLDER / "libPodstackC.so.1", f"-Wl,-rpath,{FOLDER}", "-Wl,--allow-shlib-undefined"],
        check=True)
    result = subprocess.run([program, server.token, server.url], capture_output=True, text=True, timeout=60)
    assert result.returncode == 0
    assert json.loads(result.stdout)["email"] == server.email


# The command line.


def test_the_command_line(server, environment, tmp_path):
    variables = {**os.environ, "PODSTACK_API_TOKEN": server.token, "PODSTACK_API_ENDPOINT": server.url}

    def run(*words, program=(sys.executable, "-m", "podstack"), **changes):
        return subprocess.run([*program, *words], capture_output=True, text=True, env={**variables, **changes}, timeout=60)

    assert run("auth", "whoami").stdout == server.email + "\n"
    assert run("version").stdout == f"podstack {_native.version()}\n"
    assert _native.version() == podstack.__version__
    wrong = run("auth", "whoami", PODSTACK_API_TOKEN="wrong")
    assert (wrong.returncode, wrong.stderr.splitlines()[0]) == (3, "error: Invalid API token")
    assert run("nonsense").returncode == 2
    script = Path(sys.executable).parent / "podstack"
    assert run("auth", "whoami", program=[script]).stdout == server.email + "\n"
    login = subprocess.run(
        [script, "auth", "login", "--profile", "work"], input=server.token + "\n", capture_output=True, text=True,
        env={**os.environ, "PODSTACK_API_ENDPOINT": server.url}, timeout=60)
    assert login.returncode == 0, login.stderr
    assert podstack.CredentialsFile().value("work", "api_token").reveal() == server.token


@pytest.mark.parametrize("trigger", ["signal", "finalizer"])
def test_a_call_inside_another_call_has_its_own_result(signed_in, run_program, trigger):
    # A thread that waits for a call runs the handlers of signals and the finalizers of objects, which may call too.
    result = run_program(f"""
import gc, signal, threading
from podstack import Client

outer, inner = Client(), Client()
results = []
is_handling = False

class Finalized:
    def __init__(self): self.cycle = self
    def __del__(self): results.append(inner.configuration.api_endpoint.value)

def handle(*_):
    global is_handling
    if is_handling:
        return
    is_handling = True
    if {trigger!r} == "signal":
        results.append(inner.configuration.api_endpoint.value)
    else:
        Finalized()
        gc.collect()
    is_handling = False

signal.signal(signal.SIGUSR1, handle)
main = threading.main_thread().ident
stop = threading.Event()

def disturb():
    while not stop.wait(0.0005):
        signal.pthread_kill(main, signal.SIGUSR1)

thread = threading.Thread(target=disturb)
thread.start()
count = 0
try:
    while len(results) < 100 and count < 20_000:
        assert outer.auth.whoami().email == "you@example.com"
        count += 1
finally:
    stop.set()
    thread.join()
assert len(results) >= 100 and set(results) == {{{signed_in.url!r}}}, (count, len(results))
""")
    assert result.stderr == ""


def test_places_are_used_again(signed_in):
    with podstack.Client() as client:
        client.auth.whoami()
        before = len(_native._places)
        for _ in range(100):
            client.auth.whoami()
        assert len(_native._places) == before
