"""Measures the Python package on the stub of PODSTACK_API_ENDPOINT.

Usage: python.py sequential|threads|asyncio|uvloop COUNT    prints requests a second
       python.py import|client COUNT                        prints milliseconds to import, or microseconds to create a client
"""

import asyncio
import statistics
import subprocess
import sys
import threading
import time

AT_ONCE = 64


def sequential(count):
    from podstack import Client

    whoami = Client().auth.whoami
    for _ in range(200):
        whoami()
    start = time.perf_counter()
    for _ in range(count):
        assert whoami().email
    return count / (time.perf_counter() - start)


def threads(count):
    from podstack import Client

    whoami = Client().auth.whoami

    def work(calls):
        for _ in range(calls):
            assert whoami().email

    def run(calls):
        workers = [threading.Thread(target=work, args=(calls,)) for _ in range(AT_ONCE)]
        for worker in workers:
            worker.start()
        for worker in workers:
            worker.join()

    run(5)
    start = time.perf_counter()
    run(count // AT_ONCE)
    return count / (time.perf_counter() - start)


async def tasks(count):
    from podstack import AsyncClient

    async with AsyncClient() as client:
        whoami = client.auth.whoami

        async def work(calls):
            for _ in range(calls):
                assert (await whoami()).email

        await asyncio.gather(*(work(5) for _ in range(AT_ONCE)))
        start = time.perf_counter()
        await asyncio.gather(*(work(count // AT_ONCE) for _ in range(AT_ONCE)))
        return count / (time.perf_counter() - start)


def import_time(count):
    # In processes of their own: a module is imported once.
    program = (
        "import time; start = time.perf_counter(); import podstack; from podstack import Client; "
        "print((time.perf_counter() - start) * 1e3)")
    run = lambda: float(subprocess.run([sys.executable, "-c", program], capture_output=True, check=True).stdout)
    run()
    return statistics.median(run() for _ in range(count))


def client_time(count):
    from podstack import Client

    for _ in range(200):
        Client()
    times = []
    for _ in range(count):
        start = time.perf_counter()
        client = Client()
        times.append((time.perf_counter() - start) * 1e6)
        del client
    return statistics.median(times)


def main(name, count):
    if name == "sequential":
        print(int(sequential(count)))
    elif name == "threads":
        print(int(threads(count)))
    elif name == "asyncio":
        print(int(asyncio.run(tasks(count))))
    elif name == "uvloop":
        import uvloop

        print(int(uvloop.run(tasks(count))))
    elif name == "import":
        print(round(import_time(count), 2))
    elif name == "client":
        print(round(client_time(count), 1))


main(sys.argv[1], int(sys.argv[2]))
