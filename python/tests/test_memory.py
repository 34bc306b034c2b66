"""A program that uses everything, under valgrind: scripts/python --valgrind runs this."""

import os
import shutil
import subprocess
import sys
import xml.etree.ElementTree as ElementTree

import pytest

pytestmark = pytest.mark.skipif(
    not os.environ.get("PODSTACK_TEST_VALGRIND"), reason="takes minutes: scripts/python --valgrind runs it")

PROGRAM = """
import asyncio, gc, threading
import podstack
from podstack import AsyncClient, Client, RetryConfiguration, exceptions
from podstack.testing import RecordingTransport, rate_limited, user

def calls():
    client = Client(on_event=lambda event: None)
    for _ in range(COUNT):
        client.auth.whoami()
        try:
            client.tokens.get("zzzzzzzz")
        except exceptions.ResourceNotFoundError:
            pass
        client.tokens.list().first(3)
        str(client.configuration)
    client.close()
    with Client(credentials=lambda: TOKEN) as other:
        other.auth.whoami()
    with Client("x", environment={}, transport=RecordingTransport(rate_limited(0), user("a@b.example"))) as other:
        other.auth.whoami()

async def asynchronous():
    async with AsyncClient() as client:
        await asyncio.gather(*(client.auth.whoami() for _ in range(COUNT * 4)))
        task = asyncio.ensure_future(client.auth.whoami())
        await asyncio.sleep(0)
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)

TOKEN = Client().configuration.api_token.value.reveal()
threads = [threading.Thread(target=calls) for _ in range(4)]
for thread in threads:
    thread.start()
for thread in threads:
    thread.join()
for _ in range(2):
    asyncio.run(asynchronous())
for _ in range(COUNT * 10):
    Client()
podstack.parse_dotenv("A=1")
gc.collect()
print("done")
"""


def errors(folder, name, count):
    """Runs the program, and returns the errors that valgrind finds in our library: (kind, bytes)."""
    program, report = folder / "program.py", folder / f"{name}.xml"
    program.write_text(PROGRAM.replace("COUNT", str(count)))
    result = subprocess.run(
        [shutil.which("valgrind"), "--leak-check=full", "--show-leak-kinds=definite", "--num-callers=40", "--xml=yes",
         f"--xml-file={report}", sys.executable, program],
        capture_output=True, text=True, env={**os.environ, "PYTHONMALLOC": "malloc"}, timeout=1200)
    assert result.stdout == "done\n", result.stderr
    found = []
    for error in ElementTree.parse(report).iter("error"):
        objects = {frame.findtext("obj", "") for frame in error.iter("frame")}
        if any("libPodstackC" in name for name in objects):
            size = int(error.findtext("xwhat/leakedbytes", "0"))
            frames = [frame.findtext("fn", "?") for frame in list(error.iter("frame"))[:12]]
            found.append((error.findtext("kind"), size, frames))
    return found


def test_valgrind_finds_no_error_and_no_growing_leak(signed_in, tmp_path):
    few, many = errors(tmp_path, "few", 5), errors(tmp_path, "many", 25)
    for found in (few, many):
        wrong = [error for error in found if not error[0].startswith("Leak_")]
        assert not wrong, wrong[:5]
    # What is allocated once for the process is no leak; what grows with the number of calls is.
    leaked = [sum(size for kind, size, _ in found if kind.startswith("Leak_")) for found in (few, many)]
    assert leaked[1] - leaked[0] < 1000, many
