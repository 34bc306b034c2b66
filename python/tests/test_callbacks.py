"""The functions of a program that a client calls: events, credentials and transports."""

import asyncio
import datetime
import random
import threading

import httpx
import pytest

import podstack
from conftest import eventually
from podstack import AsyncClient, Client, Credential, credentials, exceptions, testing
from podstack.transport import TransportFailure, TransportResponse


def whoami(arguments, kind):
    """Calls whoami with a client of a kind."""
    if kind == "Client":
        with Client(**arguments) as client:
            return client.auth.whoami()

    async def call():
        async with AsyncClient(**arguments) as client:
            return await client.auth.whoami()

    return asyncio.run(call())


both = pytest.mark.parametrize("kind", ["Client", "AsyncClient"])


@both
def test_events_arrive_before_the_call_returns(signed_in, kind):
    events, threads = [], set()

    def on_event(event):
        events.append(event)
        threads.add(threading.get_ident())

    whoami({"on_event": on_event}, kind)
    assert [type(event) for event in events] == [podstack.RequestStarted, podstack.RequestFinished]
    assert (events[0].method, events[0].path, events[1].status) == ("GET", "/v1/auth/whoami", 200)
    assert 0 < events[1].duration < 30
    assert threads == {threading.get_ident()}


@both
def test_warnings_about_settings(signed_in, monkeypatch, kind):
    monkeypatch.setenv("PODSTACK_PROFILE", "work")
    events = []
    whoami({"on_event": events.append}, kind)
    assert isinstance(events[0], podstack.WarningEvent)
    assert events[0].message.startswith("PODSTACK_PROFILE is ignored")


@both
def test_a_token_that_expires_soon(server, kind):
    secret = server.create_token("soon", "--expires-in-days", "7")
    events = []
    whoami({"api_token": secret, "api_endpoint": server.url, "on_event": events.append}, kind)
    expiring = [event for event in events if isinstance(event, podstack.TokenExpiring)]
    assert 6 * 86400 < expiring[0].seconds_left < 7 * 86400
    assert expiring[0].expires_at > datetime.datetime.now(datetime.timezone.utc)


def test_an_error_of_on_event(signed_in):
    def on_event(event):
        raise KeyError("of the program")

    with pytest.raises(KeyError, match="of the program"):
        whoami({"on_event": on_event}, "Client")

    async def asynchronous():
        contexts = []
        asyncio.get_running_loop().set_exception_handler(lambda loop, context: contexts.append(context))
        async with AsyncClient(on_event=on_event) as failing, AsyncClient() as other:
            users = await asyncio.gather(*(client.auth.whoami() for client in (failing, other) for _ in range(20)))
        return len(users), {type(context["exception"]) for context in contexts}

    assert asyncio.run(asynchronous()) == (40, {KeyError})


@both
@pytest.mark.parametrize("shape", ["text", "token", "credential", "object"])
def test_a_provider(server, kind, shape):
    class Provider:
        def __init__(self):
            self.asked = []

        def credential(self, instead_of):
            self.asked.append(instead_of)
            return Credential(server.token)

    provider = Provider()
    chosen = {
        "text": lambda: server.token,
        "token": lambda: podstack.APIToken(server.token),
        "credential": lambda: Credential(server.token, datetime.datetime(2040, 1, 1, tzinfo=datetime.timezone.utc)),
        "object": provider,
    }[shape]
    assert whoami({"credentials": chosen, "api_endpoint": server.url}, kind).email == server.email
    if shape == "object":
        assert provider.asked == [None]


def test_a_provider_with_a_coroutine(server):
    class Provider:
        async def credential(self, instead_of):
            await asyncio.sleep(0.01)
            return server.token

    async def function():
        return server.token

    for provider in (Provider(), function):
        assert whoami({"credentials": provider, "api_endpoint": server.url}, "AsyncClient").email == server.email


@both
def test_a_provider_is_asked_again_after_a_rejection(server, kind):
    asked = []

    class Provider:
        def credential(self, instead_of):
            asked.append(instead_of)
            return server.token if instead_of else "an_old_token"

    events = []
    arguments = {"credentials": Provider(), "api_endpoint": server.url, "on_event": events.append}
    assert whoami(arguments, kind).email == server.email
    assert asked == [None, podstack.APIToken("an_old_token")]
    assert [event.origin for event in events if isinstance(event, podstack.TokenReloaded)] == ["credentials="]


@both
def test_a_provider_that_fails(server, kind):
    class Broken(Exception):
        pass

    def provider():
        raise Broken("the vault is sealed")

    with pytest.raises(Broken, match="the vault is sealed"):
        whoami({"credentials": provider, "api_endpoint": server.url}, kind)
    with pytest.raises(TypeError, match="must return a Credential"):
        whoami({"credentials": lambda: 5, "api_endpoint": server.url}, kind)


def test_a_provider_is_asked_by_one_thread_at_a_time(server):
    asked, at_work, most, barrier = [], [], [], threading.Barrier(16)

    def provider():
        asked.append(threading.get_ident())
        at_work.append(1)
        most.append(len(at_work))
        # Until the others wait for the same answer.
        all_started.wait(10)
        at_work.pop()
        return server.token

    all_started = threading.Event()
    with Client(credentials=provider, api_endpoint=server.url) as client:
        emails = []

        def work():
            barrier.wait()
            emails.append(client.auth.whoami().email)

        threads = [threading.Thread(target=work) for _ in range(16)]
        for thread in threads:
            thread.start()
        threading.Timer(0.2, all_started.set).start()
        for thread in threads:
            thread.join()
    assert emails == [server.email] * 16
    # A thread that was late asks again.
    assert max(most) == 1 and len(asked) <= 2


def test_an_interrupted_provider_is_called_again_by_another_thread(server):
    asked, waiting, results = [], threading.Event(), {}

    def provider():
        asked.append(threading.get_ident())
        if len(asked) == 1:
            # Until another call waits for the same answer.
            waiting.wait(10)
            raise KeyboardInterrupt
        return server.token

    calls = Client(credentials=provider, api_endpoint=server.url)

    def work(name):
        try:
            if name == "second":
                eventually(lambda: asked)
                threading.Timer(0.2, waiting.set).start()
            results[name] = calls.auth.whoami().email
        except BaseException as error:
            results[name] = type(error)

    threads = [threading.Thread(target=work, args=(name,)) for name in ("first", "second")]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(20)
    assert results == {"first": KeyboardInterrupt, "second": server.email}
    assert len(asked) == 2 and asked[0] != asked[1]


def test_canceled_tasks_that_wait_for_a_provider(server):
    async def call():
        ready = asyncio.Event()

        async def provider():
            await ready.wait()
            return server.token

        for canceled in (1, 20, 39, 40):
            ready.clear()
            async with AsyncClient(credentials=provider, api_endpoint=server.url) as client:
                tasks = [asyncio.ensure_future(client.auth.whoami()) for _ in range(40)]
                await asyncio.sleep(0.02)
                for task in tasks[:canceled]:
                    task.cancel()
                await asyncio.sleep(0.02)
                ready.set()
                results = await asyncio.gather(*tasks, return_exceptions=True)
                assert [type(result) for result in results[:canceled]] == [asyncio.CancelledError] * canceled
                assert [result.email for result in results[canceled:]] == [server.email] * (40 - canceled)

    asyncio.run(call())


def test_calls_canceled_at_random_moments(signed_in):
    generator = random.Random(15)

    async def call():
        async with AsyncClient() as client:
            for _ in range(20):
                tasks = [asyncio.ensure_future(client.auth.whoami()) for _ in range(50)]
                for task in tasks:
                    if generator.random() < 0.5:
                        asyncio.get_running_loop().call_later(generator.random() * 0.02, task.cancel)
                results = await asyncio.gather(*tasks, return_exceptions=True)
                assert {type(result) for result in results} <= {podstack.User, asyncio.CancelledError}
            assert (await client.auth.whoami()).email == signed_in.email

    asyncio.run(call())


@both
def test_built_in_providers(server, kind, monkeypatch, tmp_path):
    monkeypatch.setenv("PODSTACK_API_ENDPOINT", server.url)
    assert whoami({"credentials": credentials.static(server.token)}, kind).email == server.email
    monkeypatch.setenv("PODSTACK_API_TOKEN", server.token)
    assert whoami({"credentials": credentials.environment()}, kind).email == server.email
    path = tmp_path / "credentials"
    path.write_text(f"[work]\napi_token = {server.token}\n")
    path.chmod(0o600)
    assert whoami({"credentials": credentials.file(str(path), profile="work")}, kind).email == server.email
    script = tmp_path / "print token"
    script.write_text(f'#!/bin/sh\necho \'{{"version": 1, "api_token": "{server.token}"}}\'\n')
    script.chmod(0o700)
    assert whoami({"credentials": credentials.process(f"'{script}'")}, kind).email == server.email
    with pytest.raises(exceptions.ConfigurationError, match="only one"):
        Client("x", credentials=credentials.environment())


class HttpxTransport:
    """The example of podstack.transport."""

    def __init__(self):
        self.client = httpx.Client(follow_redirects=False)

    def send(self, request):
        try:
            response = self.client.request(
                request.method, request.url, headers=request.all_headers(), content=request.body,
                timeout=request.timeout)
        except httpx.TransportError as error:
            raise TransportFailure(str(error)) from error
        return TransportResponse(response.status_code, response.headers.items(), response.content)


class AsyncHttpxTransport:
    def __init__(self):
        self.client = httpx.AsyncClient(follow_redirects=False)

    async def send(self, request):
        try:
            response = await self.client.request(
                request.method, request.url, headers=request.all_headers(), content=request.body,
                timeout=request.timeout)
        except httpx.TransportError as error:
            raise TransportFailure(str(error)) from error
        return TransportResponse(response.status_code, response.headers.items(), response.content)


def test_httpx_as_the_transport(signed_in):
    with Client(transport=HttpxTransport()) as client:
        assert client.auth.whoami().email == signed_in.email
        token, _ = client.tokens.create("by httpx")
        client.tokens.revoke(token.id)
        with pytest.raises(exceptions.ResourceNotFoundError):
            client.tokens.get("zzzzzzzz")
    with Client(transport=HttpxTransport(), api_endpoint="http://127.0.0.1:9", retry=podstack.RetryConfiguration.none()) as client:
        with pytest.raises(exceptions.NetworkError):
            client.auth.whoami()

    async def asynchronous():
        async with AsyncClient(transport=AsyncHttpxTransport()) as client:
            users = await asyncio.gather(*(client.auth.whoami() for _ in range(20)))
            return {user.email for user in users}

    assert asyncio.run(asynchronous()) == {signed_in.email}


def test_httpx_on_many_threads(signed_in):
    with Client(transport=HttpxTransport()) as client:
        found = []
        threads = [threading.Thread(target=lambda: found.append(client.auth.whoami().email)) for _ in range(16)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    assert found == [signed_in.email] * 16


@both
def test_errors_of_a_transport(kind):
    class Transport:
        def __init__(self, error):
            self.error = error

        def send(self, request):
            raise self.error

    arguments = {"api_token": "t", "environment": {}, "retry": podstack.RetryConfiguration.none()}
    for error, expected, text in [
        (TransportFailure("the cable is cut"), exceptions.NetworkError, "the cable is cut"),
        (ConnectionResetError(104, "Connection reset by peer"), exceptions.NetworkError, "Connection reset by peer"),
        (LookupError("a bug"), LookupError, "a bug"),
    ]:
        with pytest.raises(expected, match=text):
            whoami({**arguments, "transport": Transport(error)}, kind)


def test_requests_show_no_secret():
    transport = testing.RecordingTransport(testing.user("a@b.example"))
    with Client(api_token="hidden-token", project_id="prj_1", environment={}, transport=transport) as client:
        client.auth.whoami()
    request = transport.requests[0]
    assert "hidden-token" not in repr(request)
    assert request.header("x-project-id") == "prj_1"
    assert ("Authorization", "Bearer hidden-token") in request.all_headers()
    assert request.url == "https://api.podstack.ai/v1/auth/whoami"
