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
from conftest import REPOSITORY, eventually
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


# The parent of the tests below: it forks while its threads are inside calls of every kind, and reports how its children end.
FORKS = """
import asyncio, gc, os, signal, sys, threading, time
from podstack import AsyncClient, Client, RetryConfiguration, credentials
from podstack.testing import RecordingTransport, server_error, user

client = Client()
email = client.auth.whoami().email
ended = threading.Event()
errors = []

def start(work, count):
    def run():
        try:
            while not ended.is_set():
                work()
        except BaseException as error:
            errors.append(error)
    threads = [threading.Thread(target=run, daemon=True) for _ in range(count)]
    for thread in threads:
        thread.start()
    return threads

def fork(work):
    # A child that hangs ends with SIGALRM.
    child = os.fork()
    if child:
        return child
    status = 1
    try:
        signal.alarm(20)
        work()
        status = 0
    except BaseException as error:
        print(repr(error), file=sys.stderr, flush=True)
    finally:
        os._exit(status)

def storm(count, work, threads):
    slowest = 0
    for _ in range(count // 4):
        children = []
        for _ in range(4):
            begin = time.monotonic()
            children.append(fork(work))
            slowest = max(slowest, time.monotonic() - begin)
        statuses = [os.waitpid(child, 0)[1] for child in children]
        assert statuses == [0] * 4, statuses
        assert not errors, errors
    ended.set()
    for thread in threads:
        thread.join(20)
        assert not thread.is_alive()
    assert not errors, errors
    # The parent's connections and threads still work.
    assert client.auth.whoami().email == email
    return slowest
"""


def test_forks_while_threads_are_inside_calls(signed_in, run_program):
    result = run_program(FORKS + """
def child():
    assert client.auth.whoami().email == email
    assert Client().auth.whoami().email == email

storm(400, child, start(lambda: client.auth.whoami(), 8))
print("done")
""", timeout=300)
    assert result.stdout == "done\n", result.stderr


def test_forks_beside_calls_with_callbacks_retries_and_event_loops(signed_in, run_program):
    result = run_program(FORKS + """
token = client.configuration.api_token.value.reveal()
providing = Client(credentials=lambda: token, on_event=lambda event: None)
command = credentials.process("/bin/echo '{\\"version\\": 1, \\"api_token\\": \\"" + token + "\\"}'")

def retry():
    transport = RecordingTransport(server_error(), user("a@b.example"))
    with Client("t", transport=transport, retry=RetryConfiguration(initial_delay=0.002)) as retrying:
        assert retrying.auth.whoami().email == "a@b.example"

async def many():
    async with AsyncClient() as asynchronous:
        await asyncio.gather(*(asynchronous.auth.whoami() for _ in range(20)))

def run_command():
    with Client(credentials=command) as other:
        assert other.auth.whoami().email == email

def child():
    assert client.auth.whoami().email == providing.auth.whoami().email == email
    retry()
    asyncio.run(many())

threads = [start(work, 2) for work in (lambda: providing.auth.whoami(), retry, lambda: asyncio.run(many()), run_command)]
storm(100, child, sum(threads, []))
print("done")
""", timeout=300)
    assert result.stdout == "done\n", result.stderr


def test_a_child_of_a_fork_uses_many_threads(signed_in, run_program):
    result = run_program(FORKS + """
def work():
    for _ in range(100):
        assert client.auth.whoami().email == email

def child():
    # The thread that forked is one of them.
    threads = [threading.Thread(target=work) for _ in range(7)]
    for thread in threads:
        thread.start()
    work()
    for thread in threads:
        thread.join()

storm(20, child, [])
print("done")
""", timeout=300)
    assert result.stdout == "done\n", result.stderr


def test_a_fork_does_not_wait_for_calls_in_progress(silent, signed_in, run_program):
    result = run_program(FORKS + f"""
waiting = Client("t", api_endpoint={silent!r}, timeout=60)
slow = Client(credentials=credentials.process("sleep 60"))
os.mkfifo("pipe")
os.chmod("pipe", 0o600)
piped = Client(credentials=credentials.file(path="pipe"))

async def asynchronous():
    async with AsyncClient("t", api_endpoint={silent!r}, timeout=60) as client:
        await client.auth.whoami()

for work in (waiting.auth.whoami, slow.auth.whoami, piped.auth.whoami, lambda: asyncio.run(asynchronous())):
    start(work, 2)
time.sleep(0.5)

def child():
    assert client.auth.whoami().email == email
    # The calls of the parent do not exist here, and their end here would cancel them there.
    gc.collect()

print(storm(20, child, []) < 0.5)
""", timeout=300)
    assert result.stdout == "True\n", result.stdout + result.stderr


def test_what_a_child_closes_stays_open_in_its_parent(signed_in, run_program):
    result = run_program(FORKS + """
from podstack import _native

asynchronous = AsyncClient()
loop = asyncio.new_event_loop()

async def many():
    await asyncio.gather(*(asynchronous.auth.whoami() for _ in range(20)))

def call():
    for _ in range(20):
        assert client.auth.whoami().email == email

def child():
    client.close()
    loop.run_until_complete(asynchronous.close())
    _native._end()

for _ in range(20):
    # One after another, then many at once: the first use no thread of the transport, the others need it.
    call()
    loop.run_until_complete(asynchronous.auth.whoami())
    assert os.waitpid(fork(child), 0)[1] == 0
    threads = [threading.Thread(target=call, daemon=True) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(20)
        assert not thread.is_alive()
    loop.run_until_complete(asyncio.wait_for(many(), 20))
print("done")
""", timeout=120)
    assert result.stdout == "done\n", result.stderr


def test_a_fork_while_a_call_waits_for_its_credentials(signed_in, run_program):
    result = run_program(FORKS + """
token = client.configuration.api_token.value.reveal()
asked, go_on = threading.Event(), threading.Event()
parent = os.getpid()

def provide():
    if os.getpid() == parent:
        asked.set()
        go_on.wait(30)
    return token

class Transport:
    def send(self, request):
        return RecordingTransport(user(email)).send(request)

for transport in (None, Transport()):
    providing = Client(credentials=provide, transport=transport)
    thread = threading.Thread(target=providing.auth.whoami)
    thread.start()
    assert asked.wait(10)

    def child():
        assert providing.auth.whoami().email == email
        providing.close()

    assert os.waitpid(fork(child), 0)[1] == 0
    go_on.set()
    thread.join()
    asked.clear()
    go_on.clear()
print("done")
""")
    # The runtime would report a continuation that a child drops.
    assert result.stdout == "done\n" and "CONTINUATION" not in result.stderr


def test_a_callback_that_forks(signed_in, run_program):
    result = run_program("""
import os, sys
from podstack import Client, exceptions

token = os.environ["PODSTACK_API_TOKEN"]
child = None

def provide():
    global child
    child = os.fork()
    return token

client = Client(credentials=provide)
try:
    email = client.auth.whoami().email
except exceptions.ConfigurationError as error:
    # The call belongs to the parent.
    assert child == 0 and error.code == "forked", error
    assert Client().auth.whoami().email == "you@example.com"
    os._exit(0)
assert child and os.waitpid(child, 0)[1] == 0
print(email)
""")
    assert result.stdout == "you@example.com\n"


def test_a_fork_beside_a_thread_that_stays_in_the_library(signed_in, run_program):
    result = run_program(FORKS + """
from podstack import exceptions, parse_dotenv

def child():
    # Every function fails at once instead of waiting for a lock that is never released.
    for call in (client.auth.whoami, Client, AsyncClient, lambda: parse_dotenv("A=1")):
        try:
            call()
        except exceptions.ConfigurationError as error:
            assert error.code == "forked", error
        else:
            os._exit(2)
    client.close()
    _native._end()

from podstack import _native
# Takes some seconds.
text = "".join(f"A{number}=1\\n" for number in range(600_000))
threads = start(lambda: (parse_dotenv(text), ended.set()), 1)
statuses = set()
while not ended.is_set():
    # With status 2, the fork came before or after the thread was in the library.
    statuses.add(os.waitstatus_to_exitcode(os.waitpid(fork(child), 0)[1]))
assert 0 in statuses and statuses <= {0, 2}, statuses
# The parent is not affected.
assert client.auth.whoami().email == email
print("done")
""", timeout=300)
    assert result.stdout == "done\n", result.stderr


def test_the_library_has_no_lock_that_knows_its_thread():
    # The standard library's contains the ID of the thread, which changes for the thread that forks.
    folders = [REPOSITORY / "Sources" / name for name in ("Podstack", "PodstackTransport", "PodstackC")]
    found = [path.name for folder in folders for path in folder.rglob("*.swift") if "Mutex" in path.read_text()]
    assert not found


# The time that a program loses; scripts/bench measures it.


def test_an_import_loads_only_what_a_synchronous_client_needs(run_program):
    result = run_program(
        "import sys\n"
        "import podstack\n"
        "assert not [name for name in sys.modules if name.startswith('podstack.')]\n"
        "from podstack import Client\n"
        "print(sorted({'asyncio', 'ssl', 'inspect'} & set(sys.modules)))\n")
    assert result.stdout == "[]\n"
