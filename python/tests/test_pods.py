"""Pods, volumes, GPUs and billing: what is sent and returned, and streams that end when they should."""

import asyncio
import datetime
import gc
import io
import json
import os
import signal
import subprocess
import sys
import tarfile
import threading
import time
from decimal import Decimal
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import parse_qs, urlsplit

import pytest

import podstack
from conftest import eventually
from podstack import UNCHANGED, AsyncClient, Client, RetryConfiguration, SpendLimit, exceptions, models, testing

UTC = datetime.timezone.utc
TIME = datetime.datetime(2027, 1, 31, 12, tzinfo=UTC)
CREATOR = models.Creator(user_id="usr_1", email="you@example.com", token_id="abc12345")


def pod(**changes):
    fields = dict(
        id="pod_1", name="trainer", project_id="prj_1", image="busybox", gpu_count=0, cpu=4, memory=16, disk=50, ports=[], env=["A"],
        volumes=[], labels={}, status="running", created_at=TIME, price_per_hour=Decimal("2.5"), cost=Decimal("0.000694"),
        limits=models.PodLimits(), created_by=CREATOR, stale=False)
    return models.Pod(**{**fields, **changes})


class Both:
    """A client with scripted responses; asynchronous calls are awaited, so that one test describes both clients."""

    def __init__(self, kind):
        self.kind = kind

    def __call__(self, *responses, **arguments):
        self.transport = testing.RecordingTransport(*responses)
        arguments = {"api_token": "test", "environment": {}, "transport": self.transport, **arguments}
        return Client(**arguments) if self.kind == "Client" else AsyncClient(**arguments)

    def wait(self, found):
        if self.kind == "Client":
            return found

        async def call():
            return await found

        return asyncio.run(call())

    @property
    def body(self):
        return json.loads(self.transport.requests[-1].body)


@pytest.fixture(params=["Client", "AsyncClient"])
def both(request):
    return Both(request.param)


# What is sent, and what is returned.


def test_a_pod_is_created_with_the_documented_names(both):
    client = both(testing.json_response(pod(), 201))
    found = both.wait(client.pods.create(
        name="trainer", image="pytorch/pytorch:latest", gpu_type="A100", gpu_count=2, cpu=8, memory=64, disk=100, ports=[8888],
        env={"HF_TOKEN": podstack.APIToken("secret"), "A": "1"}, command="python train.py",
        volumes=[{"volume_id": "vol_1", "mount_path": "/data"}, models.VolumeMount(volume_id="vol_2", mount_path="/out")],
        labels={"team": "vision"}, project_id="prj_2", registry_auth=podstack.RegistryCredentials("me", "password"),
        stop_after=datetime.timedelta(hours=2), delete_after=86400, max_cost=Decimal("4.999999"), token_scopes=["pods:read"]))
    assert both.body == {
        "name": "trainer", "image": "pytorch/pytorch:latest", "gpu_type": "A100", "gpu_count": 2, "cpu": 8, "memory": 64, "disk": 100,
        "ports": [8888], "env": {"HF_TOKEN": "secret", "A": "1"}, "command": "python train.py",
        "volumes": [{"volume_id": "vol_1", "mount_path": "/data"}, {"volume_id": "vol_2", "mount_path": "/out"}],
        "labels": {"team": "vision"}, "project_id": "prj_2", "registry_auth": {"username": "me", "password": "password"},
        "stop_after": 7200, "delete_after": 86400, "max_cost": 4.999999, "token_scopes": ["pods:read"]}
    assert found == pod()
    assert (found.cost, found.price_per_hour, found.created_at) == (Decimal("0.000694"), Decimal("2.5"), TIME)
    assert found.limits.max_cost is None and found.created_by.email == "you@example.com"
    # A lost response must not make a second pod.
    assert both.transport.requests[-1].header("idempotency-key")


def test_the_defaults_of_a_pod_are_the_documented_ones(both):
    client = both(testing.json_response(pod(), 201))
    both.wait(client.pods.create("hello", "busybox"))
    assert both.body == {"name": "hello", "image": "busybox", "cpu": 4, "memory": 16, "disk": 50}
    both.wait(client.pods.create("hello", "busybox", gpu_type="T4"))
    assert (both.body["gpu_type"], both.body["gpu_count"]) == ("T4", 1)


@pytest.mark.parametrize(
    "value, sent", [(5, 5), (0.1 + 0.2, 0.3), (Decimal("0.000001"), 0.000001), (Decimal("4000000000"), 4000000000), (2.50, 2.5)])
def test_amounts_are_exact(value, sent):
    both = Both("Client")
    both(testing.json_response(pod(), 201)).pods.create("a", "b", max_cost=value)
    assert both.body["max_cost"] == sent


@pytest.mark.parametrize("value, error", [
    (Decimal("0.0000001"), ValueError), (float("nan"), ValueError), (Decimal("Infinity"), ValueError), (10**10, ValueError),
    ("5", TypeError), (True, TypeError)])
def test_amounts_that_are_none(value, error):
    with pytest.raises(error, match="max_cost"):
        Both("Client")(testing.no_content()).pods.create("a", "b", max_cost=value)


def test_none_removes_a_limit_and_what_is_missing_stays(both):
    client = both(testing.json_response(pod()))
    both.wait(client.pods.update("pod_1", stop_after=None, max_cost=None, labels={}))
    assert both.body == {"stop_after": None, "max_cost": None, "labels": {}}
    both.wait(client.pods.update("pod_1", name="new", delete_after=60))
    assert both.body == {"name": "new", "delete_after": 60}
    assert both.transport.requests[-1].method == "PATCH"
    assert repr(UNCHANGED) == "UNCHANGED"


def test_lists_and_their_filters(both):
    client = both(testing.page("pods", [pod(), pod(id="pod_2")]))
    found = both.wait(client.pods.list(project_id="prj_3", status="running", labels={"a": "1", "b": "2"}, name="x").all())
    assert [item.id for item in found] == ["pod_1", "pod_2"]
    request = both.transport.requests[-1]
    query = parse_qs(urlsplit(request.url).query)
    assert (query["status"], query["label"], query["name"]) == (["running"], ["a=1", "b=2"], ["x"])
    assert request.header("x-project-id") == "prj_3"


@pytest.mark.parametrize("action, force", [("start", None), ("stop", False), ("stop", True), ("restart", None)])
def test_actions(both, action, force):
    client = both(testing.json_response(pod(status="stopping"), 202))
    keywords = {} if force is None else {"force": force}
    assert both.wait(getattr(client.pods, action)("pod_1", **keywords)).status == "stopping"
    assert both.transport.requests[-1].url.endswith(f"/v1/pods/pod_1/{action}" + ("?force=true" if force else ""))


def test_a_pod_that_is_gone_and_one_that_is_being_removed(both):
    client = both(testing.json_response(pod(status="stopping"), 202), testing.no_content())
    assert both.wait(client.pods.delete("pod_1", force=True)).status == "stopping"
    assert both.wait(client.pods.delete("pod_1")) is None
    assert [request.url.rpartition("/")[2] for request in both.transport.requests] == ["pod_1?force=true", "pod_1"]


def test_commands(both):
    client = both(testing.json_response({"exit_code": 3, "stdout": "out", "stderr": "err", "truncated": False}))
    result = both.wait(client.pods.exec("pod_1", "nvidia-smi | head", timeout=5))
    assert both.body == {"command": ["/bin/sh", "-c", "nvidia-smi | head"], "timeout_seconds": 5}
    assert (result.exit_code, result.output, result.error) == (3, "out", "err") == (result.exit_code, result.stdout, result.stderr)
    both.wait(client.pods.exec("pod_1", ["ls", "-l"], datetime.timedelta(minutes=1)))
    assert both.body == {"command": ["ls", "-l"], "timeout_seconds": 60}


def test_reports(both):
    client = both(testing.text_response("one\ntwo\n", headers=[("Content-Type", "text/plain; charset=utf-8")]))
    assert both.wait(client.pods.logs("pod_1", tail=2, since=TIME)) == "one\ntwo\n"
    assert parse_qs(urlsplit(both.transport.requests[-1].url).query) == {"tail": ["2"], "since": ["2027-01-31T12:00:00Z"]}
    metrics = models.PodMetrics(timestamp=TIME, gpu_utilization=97, cpu_usage=250.5, memory_used=1 << 40, memory_total=1 << 41)
    found = both.wait(both(testing.json_response(metrics)).pods.metrics("pod_1"))
    assert (found.gpu_utilization, found.gpu_memory_used, found.cpu_usage, found.memory_used) == (97.0, None, 250.5, 1 << 40)
    events = [models.PodEvent(timestamp=TIME, type="started", message="The program runs")]
    assert both.wait(both(testing.page("events", events)).pods.events("pod_1").all()) == events


def test_volumes_gpus_and_billing(both):
    volume = models.Volume(id="vol_1", name="data", project_id="prj_1", created_at=TIME, created_by=CREATOR, pod_ids=["pod_1"])
    client = both(testing.json_response(volume, 201))
    assert both.wait(client.volumes.create("data", project_id="prj_1")) == volume
    assert both.body == {"name": "data", "project_id": "prj_1"}
    assert both.wait(both(testing.json_response(volume)).volumes.get("vol_1")).pod_ids == ("pod_1",)
    assert both.wait(both(testing.page("volumes", [volume])).volumes.list().all()) == [volume]
    assert both.wait(both(testing.no_content()).volumes.delete("vol_1")) is None
    gpu = models.GPU(type="A100", memory=80, total=4, available=3, price_per_hour=Decimal("2.5"))
    client = both(testing.page("gpus", [gpu], "next"), testing.page("gpus", [models.GPU(type="T4", total=1, available=0, price_per_hour=0)]))
    assert [(item.type, item.price_per_hour) for item in both.wait(client.gpus.list())] == [("A100", Decimal("2.5")), ("T4", 0)]
    wallet = models.Wallet(balance=Decimal("-1.25"), credited=100, spent=Decimal("101.25"), spent_this_month=2)
    assert both.wait(both(testing.json_response(wallet)).billing.wallet()).balance == Decimal("-1.25")
    row = models.UsageRow(key="2027-01-31", seconds=3600, gpu_seconds=7200, cost=Decimal("5"))
    usage = models.Usage(from_=TIME, to=TIME, group_by="token", usage=[row], total_cost=5)
    client = both(testing.json_response(usage))
    found = both.wait(client.billing.usage(start=TIME, group_by="token"))
    assert found == usage and found.usage[0].cost == 5 and found.from_ == TIME and "from_=" in repr(found)
    assert parse_qs(urlsplit(both.transport.requests[-1].url).query) == {"from": ["2027-01-31T12:00:00Z"], "group_by": ["token"]}


def test_spend_limits(both):
    limit = SpendLimit(amount=Decimal("5.5"), period="month")
    project = podstack.Project(id="prj_1", name="P", created_at=TIME, spend_limit=limit)
    client = both(testing.json_response(project))
    assert both.wait(client.projects.update("prj_1", spend_limit=limit)).spend_limit == limit
    assert both.body == {"spend_limit": {"amount": 5.5, "period": "month"}}
    both.wait(client.projects.update("prj_1", spend_limit=None))
    assert both.body == {"spend_limit": None}
    both.wait(client.projects.update("prj_1", name="Q"))
    assert both.body == {"name": "Q"}
    token = podstack.Token(
        id="abc12345", name="CI", prefix="podstack_abc12345", scopes=["*"], created_at=TIME, generation=1, spend_limit=limit)
    client = both(testing.json_response(token, 201))
    assert both.wait(client.tokens.create("CI", spend_limit=limit)).token.spend_limit == limit
    assert both.body["spend_limit"] == {"amount": 5.5, "period": "month"}
    both.wait(client.tokens.update("abc12345", spend_limit=None))
    assert both.body == {"spend_limit": None}


# Errors.


@pytest.mark.parametrize("response, kind, fields", [
    (testing.failure(402, "insufficient_balance", "x", {"required_amount": 2.5, "available_amount": 1, "limit": "token"}),
     exceptions.InsufficientBalanceError, {"required_amount": 2.5, "available_amount": 1.0, "limit": "token"}),
    (testing.failure(409, "gpu_not_available", "x", {"gpu_type": "H200", "available_types": ["A100", "T4"]}),
     exceptions.GPUNotAvailableError, {"gpu_type": "H200", "available_types": ["A100", "T4"]}),
    (testing.failure(409, "conflict", "x", {"current_state": "stopped", "required_state": "running"}),
     exceptions.ConflictError, {"current_state": "stopped", "required_state": "running", "pod_ids": []}),
    (testing.failure(409, "conflict", "x", {"pod_ids": ["pod_1"]}),
     exceptions.ConflictError, {"current_state": None, "pod_ids": ["pod_1"]}),
    (testing.failure(409, "conflict", "The name exists"), exceptions.ValidationError, {}),
    (testing.failure(504, "exec_timeout", "x"), exceptions.ExecTimeoutError, {"code": "exec_timeout"}),
])
def test_errors(both, response, kind, fields):
    with pytest.raises(exceptions.PodstackError) as caught:
        both.wait(both(response, retry=RetryConfiguration.none()).pods.exec("pod_1", "true"))
    assert type(caught.value) is kind
    assert {name: getattr(caught.value, name) for name in fields} == fields
    assert caught.value.status_code == response.status


# Waiting.


def test_a_wait_reports_each_state(both):
    states = [pod(status="pending", status_reason="Waits for a GPU"), pod(status="pending", status_reason="Waits for a GPU"), pod()]
    client = both(*(testing.json_response(state) for state in states))
    seen = []
    found = both.wait(client.pods.wait_until_running("pod_1", timeout=30, on_change=lambda pod: seen.append(pod.status)))
    assert found.status == "running" and len(both.transport.requests) == 3
    # The state that did not change is not reported again.
    assert seen == ["pending", "running"]


@pytest.mark.parametrize("state, text", [
    (pod(status="failed", status_reason="The image does not exist", exit_code=None), "failed: The image does not exist"),
    (pod(status="stopped", exit_code=3), "with exit code 3")])
def test_a_pod_that_does_not_get_there(both, state, text):
    with pytest.raises(exceptions.PodNotRunningError, match=text) as caught:
        both.wait(both(testing.json_response(state)).pods.wait_until_running("pod_1"))
    assert caught.value.pod == state and not caught.value.is_timeout and caught.value.hint


def test_a_wait_ends_in_time(both):
    client = both(testing.json_response(pod(status="pending")))
    start = time.monotonic()
    with pytest.raises(exceptions.PodNotRunningError, match="is still pending") as caught:
        both.wait(client.pods.wait_until_running("pod_1", 0.3))
    assert 0.2 < time.monotonic() - start < 5
    assert caught.value.is_timeout and caught.value.pod.status == "pending"


def test_a_callback_that_fails_ends_the_wait(both):
    def fail(pod):
        raise KeyError(pod.status)

    client = both(testing.json_response(pod(status="pending")))
    with pytest.raises(KeyError, match="pending"):
        both.wait(client.pods.wait_until_running("pod_1", on_change=fail))


def test_a_wait_asks_the_callbacks_of_the_client(both):
    secrets = []

    def provide():
        secrets.append("a-token")
        return "a-token"

    events = []
    states = [pod(status="pending"), pod(status="creating"), pod()]
    arguments = {"api_token": None, "credentials": provide, "on_event": events.append}
    client = both(*(testing.json_response(state) for state in states), **arguments)
    # The callback takes longer than the wait between two requests, so the work has no call that could answer meanwhile.
    both.wait(client.pods.wait_until_running("pod_1", on_change=lambda pod: time.sleep(0.5)))
    assert secrets == ["a-token"]
    assert sum(isinstance(event, podstack.RequestFinished) for event in events) == 3


# Streams, from a service that shows when its connections end.


class Service:
    """A service whose answers a test writes piece by piece."""

    def __init__(self):
        self.ended = threading.Semaphore(0)
        self.paths = []
        self.bodies = []
        service = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_GET(self):
                self.answer()

            do_PUT = do_GET

            def answer(self):
                service.paths.append(self.path)
                body = b""
                if self.headers.get("Transfer-Encoding") == "chunked":
                    while True:
                        size = int(self.rfile.readline(), 16)
                        body += self.rfile.read(size)
                        self.rfile.readline()
                        if size == 0:
                            break
                service.bodies.append(body)
                try:
                    service.respond(self)
                except OSError:
                    pass
                self.close_connection = True
                service.ended.release()

            def start(self, status=200, kind="text/plain; charset=utf-8"):
                self.send_response(status)
                self.send_header("Content-Type", kind)
                self.send_header("Connection", "close")
                self.end_headers()

            def write(self, data):
                self.wfile.write(data)
                self.wfile.flush()

            def log_message(self, *words):
                pass

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.server.daemon_threads = True
        self.url = f"http://127.0.0.1:{self.server.server_address[1]}"
        threading.Thread(target=self.server.serve_forever, args=(0.05,), daemon=True).start()

    def respond(self, request):
        raise NotImplementedError

    def endless(self, request):
        """Writes a line every 10 ms, until the client has gone."""
        request.start()
        for number in range(100_000):
            request.write(b"line %d\n" % number)
            time.sleep(0.01)


@pytest.fixture
def service(monkeypatch):
    service = Service()
    monkeypatch.setenv("PODSTACK_API_TOKEN", "a-token")
    monkeypatch.setenv("PODSTACK_API_ENDPOINT", service.url)
    yield service
    service.server.shutdown()
    service.server.server_close()


async def collect(lines):
    return [line async for line in lines]


def test_lines_arrive_while_the_program_runs(service):
    seen = threading.Semaphore(0)

    def respond(request):
        request.start()
        request.write("eins\r\nzwei ü".encode()[:-1])
        assert seen.acquire(timeout=10)
        request.write("ü".encode()[1:] + b"\n\n\xff\nlast")

    service.respond = respond
    with Client() as client:
        lines = client.pods.logs_stream("pod_1", tail=10, since=TIME)
        assert next(lines) == "eins"
        seen.release()
        assert list(lines) == ["zwei ü", "", "\ufffd", "last"]
        assert next(lines, None) is None
    assert parse_qs(urlsplit(service.paths[0]).query) == {"tail": ["10"], "since": ["2027-01-31T12:00:00Z"], "follow": ["true"]}
    seen.release()

    async def asynchronous():
        async with AsyncClient() as client:
            return await collect(client.pods.logs_stream("pod_1"))

    assert asyncio.run(asynchronous()) == ["eins", "zwei ü", "", "\ufffd", "last"]


def test_a_loop_that_is_left_ends_the_request(service):
    service.respond = service.endless
    with Client() as client:
        for line in client.pods.logs_stream("pod_1"):
            if line == "line 3":
                break
        assert service.ended.acquire(timeout=5)
        with client.pods.logs_stream("pod_1") as lines:
            assert next(lines) == "line 0"
        assert service.ended.acquire(timeout=5)
        assert list(lines) == []

    async def asynchronous():
        async with AsyncClient() as client:
            async for line in client.pods.logs_stream("pod_1"):
                if line == "line 3":
                    break
            assert await asyncio.get_running_loop().run_in_executor(None, service.ended.acquire, True, 5)
            async with client.pods.logs_stream("pod_1") as lines:
                assert await lines.__anext__() == "line 0"
            assert await asyncio.get_running_loop().run_in_executor(None, service.ended.acquire, True, 5)

    asyncio.run(asynchronous())


def test_a_stream_that_is_not_read_does_not_fill_the_memory(service):
    written = [0]

    def respond(request):
        request.start()
        for _ in range(512):
            request.write(b"x" * 65535 + b"\n")
            written[0] += 1

    service.respond = respond
    with Client() as client:
        lines = client.pods.logs_stream("pod_1")
        assert len(next(lines)) == 65535
        # The service is stuck: a line takes it less than a millisecond otherwise.
        counts = []
        eventually(lambda: (counts.append(written[0]), time.sleep(0.1), counts[-1] == written[0] == counts[max(0, len(counts) - 5)])[2])
        # 1 MiB is kept here; the rest is in the buffers of the connection.
        assert counts[-1] < 400
        assert sum(1 for _ in lines) == 511


def test_the_loop_raises_the_errors_of_a_stream(service):
    def respond(request):
        body = json.dumps({"error": {"code": "not_found", "message": "The pod does not exist", "details": {"resource_type": "pod"}}})
        request.start(404, "application/json")
        request.write(body.encode())

    service.respond = respond
    with Client() as client:
        lines = client.pods.logs_stream("pod_1")
        with pytest.raises(exceptions.ResourceNotFoundError) as caught:
            next(lines)
        assert caught.value.resource_type == "pod"
        assert list(lines) == []
    # Other transports cannot stream, and say so.
    both = Both("Client")
    with pytest.raises(exceptions.PodstackError):
        list(both(testing.text_response("x")).pods.logs_stream("pod_1"))


def test_a_canceled_task_ends_its_stream(service):
    service.respond = lambda request: (request.start(), request.write(b"one\n"), request.rfile.read(1))

    async def asynchronous():
        async with AsyncClient() as client:
            lines = client.pods.logs_stream("pod_1")
            assert await lines.__anext__() == "one"
            with pytest.raises(asyncio.TimeoutError):
                await asyncio.wait_for(lines.__anext__(), 0.1)
            assert await asyncio.get_running_loop().run_in_executor(None, service.ended.acquire, True, 5)
            assert await collect(lines) == []

    asyncio.run(asynchronous())


def test_ctrl_c_ends_a_stream(service, tmp_path):
    service.respond = lambda request: (request.start(), request.write(b"one\n"), request.rfile.read(1))
    program = tmp_path / "program.py"
    program.write_text(
        "from podstack import Client\n"
        "for line in Client().pods.logs_stream('pod_1'):\n"
        "    print(line, flush=True)\n")
    process = subprocess.Popen([sys.executable, program], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    assert process.stdout.readline() == "one\n"
    eventually(lambda: open(f"/proc/{process.pid}/stat").read().rsplit(")", 1)[1].split()[0] == "S")
    process.send_signal(signal.SIGINT)
    _, errors = process.communicate(timeout=10)
    assert errors.splitlines()[-1] == "KeyboardInterrupt" and process.returncode == -signal.SIGINT
    assert service.ended.acquire(timeout=5)


def test_streams_leave_nothing_behind(service):
    service.respond = service.endless
    with Client() as client:
        def work(count):
            for _ in range(count):
                next(client.pods.logs_stream("pod_1"))
            for _ in range(count):
                assert service.ended.acquire(timeout=10)
            gc.collect()
            return len(os.listdir("/proc/self/fd")), len(os.listdir("/proc/self/task"))

        work(20)
        files, threads = work(1)
        eventually(lambda: work(10)[0] <= files + 20, 20)
        eventually(lambda: len(os.listdir("/proc/self/task")) <= threads + 4)


FORK = """
import os, signal, sys
from podstack import Client, exceptions

client = Client()
lines = client.pods.logs_stream("pod_1")
next(lines)
for _ in range(10):
    child = os.fork()
    if child == 0:
        status = 1
        try:
            signal.alarm(20)
            try:
                for line in lines:
                    pass
            except exceptions.ConfigurationError as error:
                assert error.code == "forked", error
            lines.close()
            del lines
            # A stream of its own.
            assert next(client.pods.logs_stream("pod_1")) == "line 0"
            status = 0
        except BaseException as error:
            print(repr(error), file=sys.stderr, flush=True)
        finally:
            os._exit(status)
    assert os.waitpid(child, 0)[1] == 0
    # The child has not ended the parent's stream.
    before = int(next(lines).split()[1])
    assert int(next(lines).split()[1]) == before + 1
print("done")
"""


def test_a_fork_with_a_stream(service, run_program):
    service.respond = service.endless
    assert run_program(FORK).stdout == "done\n"


def test_a_fork_with_a_stream_that_is_not_read(service, run_program):
    written = [0]

    def respond(request):
        request.start()
        for _ in range(512 if "pod_1" in request.path else 1):
            request.write(b"x" * 65535 + b"\n")
            written[0] += 1

    service.respond = respond
    assert run_program("""
import os, time
from podstack import Client

client = Client()
lines = client.pods.logs_stream("pod_1")
next(lines)

def sleeps():
    # All threads of the library wait: one for room.
    return all(open(f"/proc/self/task/{task}/stat").read().rsplit(")", 1)[1].split()[0] == "S"
               for task in os.listdir("/proc/self/task") if int(task) != os.getpid())

end = time.monotonic() + 10
while not all(sleeps() or time.sleep(0.05) for _ in range(20)):
    assert time.monotonic() < end
begin = time.monotonic()
child = os.fork()
if child == 0:
    os._exit(0 if len(next(client.pods.logs_stream("pod_2"))) == 65535 else 1)
assert time.monotonic() - begin < 0.9
assert os.waitpid(child, 0)[1] == 0
assert sum(1 for _ in lines) == 511
print("done")
""").stdout == "done\n"


def test_forks_while_threads_stream(service, run_program):
    def respond(request):
        if "/logs" in request.path:
            return service.endless(request)
        request.start(kind="application/json")
        request.write(b'{"id": "usr_1", "email": "you@example.com"}')

    service.respond = respond
    result = run_program("""
import os, signal, sys, threading, time
from podstack import Client

client = Client()
ended = threading.Event()

def read():
    while not ended.is_set():
        for line in client.pods.logs_stream("pod_1"):
            if line == "line 5":
                break

threads = [threading.Thread(target=read, daemon=True) for _ in range(8)]
for thread in threads:
    thread.start()
slowest = 0
for _ in range(60):
    begin = time.monotonic()
    child = os.fork()
    if child == 0:
        status = 1
        try:
            signal.alarm(20)
            assert client.auth.whoami().email == "you@example.com"
            assert next(client.pods.logs_stream("pod_1")) == "line 0"
            status = 0
        except BaseException as error:
            print(repr(error), file=sys.stderr, flush=True)
        finally:
            os._exit(status)
    slowest = max(slowest, time.monotonic() - begin)
    assert os.waitpid(child, 0)[1] == 0
ended.set()
for thread in threads:
    thread.join(20)
    assert not thread.is_alive()
assert client.auth.whoami().email == "you@example.com"
print(slowest < 0.9, slowest, file=sys.stderr)
print("done" if slowest < 0.9 else slowest)
""", timeout=120)
    assert result.stdout == "done\n", result.stderr


# Files.


def archive(**files):
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w") as tar:
        for name, content in files.items():
            entry = tarfile.TarInfo(name)
            entry.size = len(content)
            tar.addfile(entry, io.BytesIO(content))
    return buffer.getvalue()


@pytest.mark.parametrize("kind", ["Client", "AsyncClient"])
def test_files_with_their_progress(service, tmp_path, kind):
    content = os.urandom(3 << 20)
    (tmp_path / "model.bin").write_bytes(content)

    def respond(request):
        if request.command == "PUT":
            request.send_response(204)
            request.send_header("Content-Length", "0")
            request.end_headers()
            return
        request.start(kind="application/x-tar")
        request.write(archive(results=content))

    service.respond = respond
    both = Both(kind)
    client = Client() if kind == "Client" else AsyncClient()
    seen = []
    result = both.wait(client.pods.upload("pod_1", tmp_path / "model.bin", "/data/", progress=seen.append))
    assert result == (1, len(content), ())
    assert seen[-1] == (len(content), len(content)) and seen == sorted(seen)
    assert urlsplit(service.paths[0]).path == "/v1/pods/pod_1/files"
    with tarfile.open(fileobj=io.BytesIO(service.bodies[0])) as tar:
        assert tar.extractfile("model.bin").read() == content
    seen.clear()
    result = both.wait(client.pods.download("pod_1", "/data/results", str(tmp_path / "copy"), seen.append))
    assert (tmp_path / "copy").read_bytes() == content
    assert (result.files, result.bytes, seen[-1].completed, seen[-1].total) == (1, len(content), len(content), None)
    with pytest.raises(exceptions.PodFileError, match="cannot be read"):
        both.wait(client.pods.upload("pod_1", tmp_path / "missing", "/data/"))

    def fail(progress):
        raise KeyError(progress.completed)

    with pytest.raises(KeyError):
        both.wait(client.pods.upload("pod_1", tmp_path / "model.bin", "/data/", progress=fail))


def test_secrets_of_a_registry_are_not_shown():
    import pickle

    found = podstack.RegistryCredentials("me", "password")
    assert "password" not in repr(found) and "password" not in str(found)
    with pytest.raises(TypeError):
        pickle.dumps(found)


# The real service, first without and then with a container engine.


def test_a_service_without_an_engine(signed_in):
    with Client() as client:
        assert client.pods.list().all() == []
        assert client.gpus.list() == ()
        assert client.billing.wallet().balance == 0
        assert client.billing.usage(group_by="pod").usage == ()
        with pytest.raises(exceptions.ResourceNotFoundError):
            client.pods.get("pod_00000000000000000000")
        project = client.projects.create("spends")
        try:
            limit = SpendLimit(amount=Decimal("12.5"), period="month")
            assert client.projects.update(project.id, spend_limit=limit).spend_limit == limit
            assert client.projects.get(project.id).spend_limit == limit
            assert client.projects.update(project.id, spend_limit=None).spend_limit is None
        finally:
            client.projects.delete(project.id)
        token, secret = client.tokens.create("spends", spend_limit=SpendLimit(amount=3, period="day"))
        assert token.spend_limit.amount == 3
        with Client(secret) as limited, pytest.raises(exceptions.ValidationError) as caught:
            limited.tokens.create("more", spend_limit=SpendLimit(amount=4, period="day"))
        assert "spend_limit" in caught.value.field_errors
        assert client.tokens.update(token.id, spend_limit=None).spend_limit is None
        client.tokens.revoke(token.id)


def test_a_pod_from_its_creation_to_its_end(engine_server, monkeypatch, tmp_path):
    monkeypatch.setenv("PODSTACK_API_TOKEN", engine_server.token)
    monkeypatch.setenv("PODSTACK_API_ENDPOINT", engine_server.url)
    (tmp_path / "input").write_text("from here\n")
    with Client() as client:
        volume = client.volumes.create("data")
        pod = client.pods.create(
            name="hello", image="podstack-test:1", command="for i in 1 2 3; do echo line $i; done; sleep 600", cpu=0.5, memory=1, disk=1,
            env={"GREETING": "hello"}, labels={"kind": "test"}, stop_after=datetime.timedelta(hours=1), max_cost=Decimal("1.5"),
            volumes=[{"volume_id": volume.id, "mount_path": "/data"}], ports=[8080])
        states = []
        pod = client.pods.wait_until_running(pod.id, timeout=60, on_change=lambda pod: states.append(pod.status))
        assert pod.status == "running" and states[-1] == "running"
        assert (pod.env, pod.limits.stop_after, pod.limits.max_cost) == (("GREETING",), 3600, Decimal("1.5"))
        assert pod.ports[0].container_port == 8080 and pod.ports[0].address.startswith("127.0.0.1:")
        assert [item.id for item in client.pods.list(labels={"kind": "test"}, status="running")] == [pod.id]
        result = client.pods.exec(pod.id, "echo $GREETING; echo bad >&2; exit 7")
        assert (result.exit_code, result.output, result.error) == (7, "hello\n", "bad\n")
        with pytest.raises(exceptions.ExecTimeoutError):
            client.pods.exec(pod.id, ["sleep", "60"], timeout=1)
        eventually(lambda: client.pods.logs(pod.id) == "line 1\nline 2\nline 3\n")
        assert client.pods.logs(pod.id, tail=1) == "line 3\n"
        for line in client.pods.logs_stream(pod.id):
            if line == "line 3":
                break
        assert client.pods.upload(pod.id, tmp_path / "input", "/data/").files == 1
        assert client.pods.exec(pod.id, ["cat", "/data/input"]).output == "from here\n"
        seen = []
        assert client.pods.download(pod.id, "/data/input", tmp_path / "output", progress=seen.append).bytes == 10
        assert (tmp_path / "output").read_text() == "from here\n" and seen
        assert client.pods.metrics(pod.id).memory_total > 0
        assert client.pods.events(pod.id).all()
        with pytest.raises(exceptions.ConflictError):
            client.pods.delete(pod.id)
        with pytest.raises(exceptions.ConflictError) as caught:
            client.volumes.delete(volume.id)
        assert caught.value.pod_ids == [pod.id]
        client.pods.stop(pod.id, force=True)
        eventually(lambda: client.pods.get(pod.id).status == "stopped", 30)
        with pytest.raises(exceptions.ConflictError) as caught:
            client.pods.exec(pod.id, "true")
        assert (caught.value.current_state, caught.value.required_state) == ("stopped", "running")
        assert client.pods.update(pod.id, max_cost=None).limits.max_cost is None
        client.pods.start(pod.id)
        client.pods.wait_until_running(pod.id)
        client.pods.delete(pod.id, force=True)
        eventually(lambda: pod.id in [item.id for item in client.pods.list(status="terminated")], 30)
        client.volumes.delete(volume.id)

    async def asynchronous():
        async with AsyncClient() as client:
            pod = await client.pods.create("again", "podstack-test:1", command="echo one; sleep 2; echo two", cpu=0.5, memory=1, disk=1)
            await client.pods.wait_until_running(pod.id)
            # The stream ends with the pod.
            lines = await asyncio.wait_for(collect(client.pods.logs_stream(pod.id)), 60)
            await client.pods.delete(pod.id, force=True)
            return lines

    assert asyncio.run(asynchronous()) == ["one", "two"]
