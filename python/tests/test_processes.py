"""Threads, event loops, signals, forks, and the end of the interpreter."""

import asyncio
import gc
import multiprocessing
import os
import resource
import signal
import socket
import subprocess
import sys
import threading
import time

import pytest

import podstack
from conftest import eventually
from podstack import AsyncClient, Client, exceptions


@pytest.fixture
def silent():
    """Returns the address of a service that accepts connections and never answers."""
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        listener.listen(256)
        yield f"http://127.0.0.1:{listener.getsockname()[1]}"


def descriptors():
    return len(os.listdir("/proc/self/fd"))


# Many at once.


def test_1000_calls_at_once(signed_in):
    async def call():
        async with AsyncClient() as client:
            users = await asyncio.gather(*(client.auth.whoami() for _ in range(1000)))
            assert len(users) == 1000 and {user.email for user in users} == {signed_in.email}
            results = await asyncio.gather(
                *(client.tokens.get("zzzzzzzz") if number % 2 else client.auth.whoami() for number in range(200)),
                return_exceptions=True)
            assert sum(isinstance(result, exceptions.ResourceNotFoundError) for result in results) == 100

    asyncio.run(call())


def test_uvloop(signed_in):
    uvloop = pytest.importorskip("uvloop")

    async def call():
        async with AsyncClient() as client:
            users = await asyncio.gather(*(client.auth.whoami() for _ in range(1000)))
        return {user.email for user in users}

    loop = uvloop.new_event_loop()
    try:
        assert loop.run_until_complete(call()) == {signed_in.email}
    finally:
        loop.close()


def test_one_client_in_many_event_loops(signed_in):
    client = AsyncClient()
    before = descriptors()
    for _ in range(30):
        assert asyncio.run(client.auth.whoami()).email == signed_in.email
    gc.collect()
    assert descriptors() <= before + 8

    found = []
    threads = [
        threading.Thread(target=lambda: found.append(asyncio.run(client.auth.whoami()).email)) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert found == [signed_in.email] * 8


def test_canceled_tasks(silent, signed_in):
    async def call():
        async with AsyncClient(api_token="t", api_endpoint=silent) as client:
            tasks = [asyncio.ensure_future(client.auth.whoami()) for _ in range(100)]
            await asyncio.sleep(0.05)
            start = time.monotonic()
            for task in tasks:
                task.cancel()
            results = await asyncio.gather(*tasks, return_exceptions=True)
            assert all(isinstance(result, asyncio.CancelledError) for result in results)
            assert time.monotonic() - start < 1
            with pytest.raises(asyncio.TimeoutError):
                await asyncio.wait_for(client.auth.whoami(), 0.05)
        async with AsyncClient() as client:
            assert (await client.auth.whoami()).email == signed_in.email

    asyncio.run(call())


def test_100_000_clients(monkeypatch):
    monkeypatch.setenv("PODSTACK_API_TOKEN", "a-token")
    for _ in range(10_000):
        Client()
    gc.collect()
    before, files = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss, descriptors()
    for _ in range(90_000):
        Client()
    gc.collect()
    # In KiB: a leak of 100 bytes a client would be 9 MiB.
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 6 << 10
    assert descriptors() == files


def test_calls_leak_no_memory(signed_in):
    with Client() as client:
        def work(count):
            for _ in range(count):
                client.auth.whoami()
                with pytest.raises(exceptions.ConfigurationError):
                    Client(api_endpoint="ftp://x")
            gc.collect()
            return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss

        before = work(2000)
        assert work(4000) - before < 4 << 10


# Interrupts.


def test_ctrl_c_interrupts_a_call_within_100_ms(silent, tmp_path):
    program = tmp_path / "program.py"
    program.write_text(
        "import sys, time\n"
        "from podstack import Client\n"
        f"client = Client('t', api_endpoint={silent!r})\n"
        "print('calling', flush=True)\n"
        "try:\n"
        "    client.auth.whoami()\n"
        "except KeyboardInterrupt:\n"
        "    print(time.monotonic(), flush=True)\n"
        "    raise\n")
    delays = []
    for _ in range(5):
        process = subprocess.Popen([sys.executable, program], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        assert process.stdout.readline() == "calling\n"
        # The call waits once the process sleeps in the library.
        eventually(lambda: open(f"/proc/{process.pid}/stat").read().rsplit(")", 1)[1].split()[0] == "S")
        time.sleep(0.2)
        sent = time.monotonic()
        process.send_signal(signal.SIGINT)
        output, errors = process.communicate(timeout=10)
        delays.append(float(output) - sent)
        assert errors.splitlines()[-1] == "KeyboardInterrupt"
        assert process.returncode == -signal.SIGINT
    # On a busy machine one of them may be late; not all.
    assert sorted(delays)[2] < 0.1


def test_the_interpreter_is_not_blocked_by_a_call(silent):
    def call():
        with pytest.raises(podstack.NetworkError):
            Client("t", api_endpoint=silent, timeout=1, retry=podstack.RetryConfiguration.none()).auth.whoami()

    thread = threading.Thread(target=call)
    start = time.monotonic()
    thread.start()
    count = 0
    while thread.is_alive():
        time.sleep(0.001)
        count += 1
    assert count > 100 and time.monotonic() - start < 5


@pytest.mark.parametrize("ending", ["pass", "sys.exit(0)", "raise SystemExit"])
def test_the_interpreter_ends_with_calls_in_progress(silent, signed_in, run_program, ending):
    result = run_program(
        "import asyncio, sys, threading, time\n"
        "from podstack import AsyncClient, Client\n"
        f"client = Client('t', api_endpoint={silent!r})\n"
        "for _ in range(8):\n"
        "    threading.Thread(target=client.auth.whoami, daemon=True).start()\n"
        f"busy = Client({signed_in.token!r}, api_endpoint={signed_in.url!r})\n"
        "def work():\n"
        "    while True:\n"
        "        busy.auth.whoami()\n"
        "threading.Thread(target=work, daemon=True).start()\n"
        "async def main():\n"
        f"    waiting = AsyncClient('t', api_endpoint={silent!r})\n"
        "    asyncio.ensure_future(waiting.auth.whoami())\n"
        "    await asyncio.sleep(0.2)\n"
        "asyncio.run(main())\n"
        "print('end', flush=True)\n"
        f"{ending}\n")
    assert result.stdout == "end\n" and result.stderr == ""


# Other processes.

CHILD = """
import multiprocessing, os, sys
from podstack import Client

client = Client()

def work(number):
    return client.auth.whoami().email, Client().auth.whoami().email

if __name__ == "__main__":
    if USED:
        client.auth.whoami()
    context = multiprocessing.get_context(METHOD)
    with context.Pool(4) as pool:
        found = pool.map(work, range(40))
    assert set(found) == {("you@example.com", "you@example.com")}, found
    assert client.auth.whoami().email == "you@example.com"
    print("done")
"""


@pytest.mark.parametrize("used", [False, True])
@pytest.mark.parametrize("method", ["spawn", "fork", "forkserver"])
def test_multiprocessing(signed_in, run_program, method, used):
    text = CHILD.replace("METHOD", repr(method)).replace("USED", repr(used))
    assert run_program(text).stdout == "done\n"


def test_a_fork_with_a_client_that_was_used(signed_in, run_program):
    result = run_program("""
import asyncio, os, sys
from podstack import AsyncClient, Client, RetryConfiguration
from podstack.testing import RecordingTransport, server_error, user

client, asynchronous = Client(), AsyncClient()
email = client.auth.whoami().email
asyncio.run(asynchronous.auth.whoami())
retrying = Client(transport=RecordingTransport(server_error(), user("a@b.example")), retry=RetryConfiguration(initial_delay=0.01))
retrying.auth.whoami()
for round in range(20):
    child = os.fork()
    if child == 0:
        status = 1
        try:
            assert client.auth.whoami().email == email
            assert asyncio.run(asynchronous.auth.whoami()).email == email
            again = Client(transport=RecordingTransport(server_error(), user("a@b.example")),
                           retry=RetryConfiguration(initial_delay=0.01))
            assert again.auth.whoami().email == "a@b.example"
            status = 0
        except BaseException as error:
            print(repr(error), file=sys.stderr)
        finally:
            os._exit(status)
    assert os.waitpid(child, 0)[1] == 0
    # The parent's connections still work.
    assert client.auth.whoami().email == email
    assert asyncio.run(asynchronous.auth.whoami()).email == email
print("done")
""")
    assert result.stdout == "done\n"


def test_a_fork_beside_threads_that_have_called(signed_in, run_program):
    # Not while they are inside a call: a lock that another thread holds at that moment stays locked in the child.
    result = run_program("""
import os, threading
from podstack import Client

client = Client()
client.auth.whoami()
turn = threading.Barrier(5)

def work():
    for _ in range(50):
        client.auth.whoami()
        turn.wait()
        turn.wait()

threads = [threading.Thread(target=work) for _ in range(4)]
for thread in threads:
    thread.start()
statuses = []
for _ in range(50):
    turn.wait()
    child = os.fork()
    if child == 0:
        os._exit(0 if Client().auth.whoami().email == client.auth.whoami().email else 1)
    statuses.append(os.waitpid(child, 0)[1])
    turn.wait()
for thread in threads:
    thread.join()
assert statuses == [0] * 50, statuses
print("done")
""")
    assert result.stdout == "done\n"


# The time that a program loses; scripts/bench measures it.


def test_an_import_loads_only_what_a_synchronous_client_needs(run_program):
    result = run_program(
        "import sys\n"
        "import podstack\n"
        "assert not [name for name in sys.modules if name.startswith('podstack.')]\n"
        "from podstack import Client\n"
        "print(sorted({'asyncio', 'ssl', 'inspect'} & set(sys.modules)))\n")
    assert result.stdout == "[]\n"
