"""Every operation, on a real service, with both clients."""

import asyncio
import datetime
import threading

import pytest

import podstack
from podstack import APIToken, AsyncClient, Client, exceptions


class Blocking:
    """Calls an asynchronous client as if it were not, so that one test describes both."""

    def __init__(self, target, loop):
        self._target, self._loop = target, loop

    def __getattr__(self, name):
        value = getattr(self._target, name)
        if name in ("auth", "tokens", "projects", "members", "audit_logs", "pods", "volumes", "gpus", "billing"):
            return Blocking(value, self._loop)
        return lambda *arguments, **keywords: self._await(value(*arguments, **keywords))

    def _await(self, found):
        if hasattr(found, "__aiter__"):
            return Blocking(found, self._loop)
        return self._loop.run_until_complete(found)

    def __iter__(self):
        async def collect():
            return [item async for item in self._target]

        return iter(self._loop.run_until_complete(collect()))


@pytest.fixture(params=["Client", "AsyncClient"])
def client(request, signed_in):
    if request.param == "Client":
        with Client() as client:
            yield client
        return
    loop = asyncio.new_event_loop()
    client = AsyncClient()
    yield Blocking(client, loop)
    loop.run_until_complete(client.close())
    loop.close()


def test_whoami(client, signed_in):
    user = client.auth.whoami()
    assert isinstance(user, podstack.User)
    assert (user.email, user.id[:4], user.account_id[:4]) == (signed_in.email, "usr_", "acc_")
    assert user.token.prefix == signed_in.token[:17]
    assert user.token.scopes == ("*",)
    assert user.created_at.tzinfo == datetime.timezone.utc
    assert user.token.last_used_at is None or user.token.last_used_at.tzinfo is not None


def test_can(client):
    assert client.auth.can("projects:create").allowed
    with pytest.raises(exceptions.ValidationError) as caught:
        client.auth.can("pigs:fly")
    assert "scope" in caught.value.field_errors
    assert caught.value.status_code == 422
    assert caught.value.request_id.startswith("req_")


def test_tokens(client, signed_in):
    token, secret = client.tokens.create("made by a test", expires_in_days=7, scopes=["projects:read", "tokens:read"])
    assert isinstance(secret, APIToken)
    assert token.prefix == secret.prefix
    assert token.scopes == ("projects:read", "tokens:read")
    assert token.expires_at - token.created_at == datetime.timedelta(days=7)
    with Client(secret) as other:
        assert other.auth.whoami().token.id == token.id
        assert not other.auth.can("projects:create").allowed
        with pytest.raises(PermissionError, match="^Access denied to resource$") as caught:
            other.projects.create("not allowed")
        assert isinstance(caught.value, exceptions.PermissionError)
        assert caught.value.required_scope == "projects:create"
        assert caught.value.message == "Access denied to resource: the token lacks projects:create"
        assert caught.value.hint == "The token lacks projects:create"
    assert client.tokens.get(token.id).name == "made by a test"
    assert client.tokens.update(token.id, name="renamed", scopes=["projects:read"]).scopes == ("projects:read",)
    rotated = client.tokens.rotate(token.id, grace=datetime.timedelta(minutes=1))
    assert rotated.secret.prefix == secret.prefix and rotated.secret != secret
    with Client(rotated.secret) as other:
        assert other.auth.whoami().token.generation == 2
    assert token.id in [item.id for item in client.tokens.list()]
    client.tokens.revoke(token.id)
    assert client.tokens.get(token.id).status == "revoked"
    with pytest.raises(exceptions.AuthenticationError) as caught:
        Client(rotated.secret).auth.whoami()
    assert caught.value.code == "revoked_token"
    assert str(caught.value) == "Invalid API token"
    assert "api_token=" in caught.value.hint


def test_a_token_with_a_time_or_without_an_end(client):
    soon = datetime.datetime.now(datetime.timezone.utc).replace(microsecond=0) + datetime.timedelta(hours=3)
    token, _ = client.tokens.create("soon", expires_at=soon)
    assert token.expires_at == soon
    client.tokens.revoke(token.id)
    token, _ = client.tokens.create("forever", never_expires=True)
    assert token.expires_at is None
    client.tokens.revoke(token.id)
    with pytest.raises(ValueError, match="only one"):
        client.tokens.create("both", never_expires=True, expires_in_days=7)
    with pytest.raises(ValueError, match="time zone"):
        client.tokens.create("naive", expires_at=datetime.datetime(2040, 1, 1))
    with pytest.raises(TypeError, match="list"):
        client.tokens.create("one scope", scopes="projects:read")


def test_report(client, signed_in):
    leaked = APIToken(signed_in.create_token("leaked"))
    client.tokens.report([leaked, "not a token"])
    with pytest.raises(exceptions.AuthenticationError):
        Client(leaked).auth.whoami()


def test_the_token_in_use(client, signed_in, monkeypatch):
    secret = signed_in.create_token("rotates itself")
    with Client(secret) as own:
        new = own.auth.rotate(grace=0)
        assert new.secret.prefix == secret[:17]
        assert own.auth.whoami().token.generation == 2
        with pytest.raises(exceptions.AuthenticationError) as caught:
            Client(secret).auth.whoami()
        assert caught.value.code == "rotated_token"
        own.auth.revoke()
        with pytest.raises(exceptions.AuthenticationError):
            own.auth.whoami()


def test_projects_and_members(client, signed_in):
    project = client.projects.create("A project", description="of a test")
    try:
        assert project.description == "of a test"
        assert client.projects.get(project.id).name == "A project"
        assert client.projects.update(project.id, description="").description is None
        assert project.id in [item.id for item in client.projects.list()]
        assert client.projects.current().is_default
        with Client(project_id=project.id) as scoped:
            assert scoped.projects.current().id == project.id
        member = client.members.add("other@example.com", project.id, permissions=["read"])
        assert (member.status, member.permissions) == ("invited", ("read",))
        other = Client(signed_in.run("token", "create", "other@example.com", "--name", "other"))
        invitation = other.members.invitations().first(1)[0]
        assert (invitation.project_id, invitation.invited_by) == (project.id, signed_in.email)
        assert other.members.accept(project.id).status == "active"
        changed = client.members.update(member.user_id, project.id, permissions=["read", "create"])
        assert set(changed.permissions) == {"read", "create"}
        assert {item.email for item in client.members.list(project.id)} == {signed_in.email, "other@example.com"}
        other.members.leave(project.id)
        client.members.add("other@example.com", project.id, role="admin")
        other.members.decline(project.id)
        client.members.add("other@example.com", project.id, permissions=["read"])
        client.members.remove(member.user_id, project.id)
        other.auth.revoke()
    finally:
        client.projects.delete(project.id)
    with pytest.raises(exceptions.ResourceNotFoundError) as caught:
        client.projects.get(project.id)
    assert (caught.value.resource_type, caught.value.resource_id) == ("project", project.id)


def test_the_audit_log(client):
    since = datetime.datetime.now(datetime.timezone.utc) - datetime.timedelta(minutes=5)
    token, _ = client.tokens.create("in the log")
    client.tokens.revoke(token.id)
    found = client.audit_logs.list(action="token_revoked", since=since, containing=token.id).first(5)
    assert [event.resource_id for event in found] == [token.id]
    assert found[0].details is not None
    assert client.audit_logs.list(until=since - datetime.timedelta(days=3650)).all() == []


def test_lists_load_their_pages(client):
    tokens = [client.tokens.create(f"page {number}")[0] for number in range(5)]
    try:
        paged = client.tokens.list()
        page = paged.page(limit=2)
        assert len(page.items) == 2 and page.next_cursor
        names = [token.name for token in page.items]
        while page.next_cursor:
            page = paged.page(limit=2, cursor=page.next_cursor)
            names += [token.name for token in page.items]
        assert names == [token.name for token in paged] == [token.name for token in paged.all()]
        assert [token.name for token in paged.first(3)] == names[:3]
        assert paged.first(0) == []
    finally:
        for token in tokens:
            client.tokens.revoke(token.id)


def test_next_and_repeated_loops(signed_in):
    with Client() as client:
        tokens = client.tokens.list()
        assert next(tokens).id != next(tokens).id
        assert [token.id for token in tokens] == [token.id for token in tokens]


def test_the_configuration(signed_in, tmp_path):
    with Client(project_id="prj_x") as client:
        settings = client.configuration
    assert settings.api_token.value.reveal() == signed_in.token
    assert settings.api_token.source == ("environment", "PODSTACK_API_TOKEN")
    assert settings.project_id.source == ("argument", "project_id=")
    text = str(settings)
    assert signed_in.token not in text and signed_in.token[:17] + "…" in text
    assert signed_in.token not in repr(settings)

    async def asynchronous():
        async with AsyncClient() as client:
            return str(await client.configuration())

    assert "api_token" in asyncio.run(asynchronous())


def test_a_closed_client_says_so(signed_in):
    client = Client()
    client.close()
    client.close()
    for call in (client.auth.whoami, lambda: client.tokens.list().all(), lambda: client.configuration):
        with pytest.raises(exceptions.ConfigurationError, match="The client is closed") as caught:
            call()
        assert caught.value.code == "client_closed"

    async def asynchronous():
        client = AsyncClient()
        await client.close()
        await client.auth.whoami()

    with pytest.raises(exceptions.ConfigurationError, match="The client is closed"):
        asyncio.run(asynchronous())


def test_one_client_on_many_threads(signed_in):
    with Client() as client:
        found, errors = [], []

        def work():
            try:
                found.extend(client.auth.whoami().email for _ in range(20))
            except BaseException as error:
                errors.append(error)

        threads = [threading.Thread(target=work) for _ in range(64)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    assert not errors
    assert found == [signed_in.email] * 64 * 20


def test_device_login(server, monkeypatch):
    monkeypatch.setenv("PODSTACK_API_ENDPOINT", server.url)
    request = podstack.DeviceLogin().begin("A test", scopes=["projects:read"])
    assert request.user_code in request.verification_uri_complete
    assert 0 < request.lifetime <= 3600
    waits = []

    class Enough(Exception):
        pass

    def on_wait(left):
        waits.append(left)
        raise Enough

    with pytest.raises(Enough):
        request.token(on_wait)
    assert 0 < waits[0] <= request.lifetime

    async def asynchronous():
        request = await podstack.AsyncDeviceLogin().begin("A test")
        waiting = asyncio.ensure_future(request.token())
        await asyncio.sleep(0.05)
        waiting.cancel()
        with pytest.raises(asyncio.CancelledError):
            await waiting

    asyncio.run(asynchronous())


def test_a_timeout(signed_in):
    with Client(timeout=0.2, api_endpoint="http://127.0.0.1:9", api_token="x", retry=podstack.RetryConfiguration.none()) as client:
        with pytest.raises(ConnectionError, match="No response from http://127.0.0.1:9") as caught:
            client.auth.whoami()
    assert isinstance(caught.value, exceptions.NetworkError)
    for timeout in (0, -1, float("nan")):
        with pytest.raises(exceptions.ConfigurationError):
            Client(timeout=timeout)


@pytest.mark.parametrize("arguments", [{"api_token": 5}, {"profile": b"x"}, {"project_id": ["x"]}, {"api_endpoint": 1}])
def test_arguments_of_a_wrong_type(arguments):
    with pytest.raises(exceptions.ConfigurationError, match="must be a str"):
        Client(**arguments)


def test_text_that_is_not_unicode():
    with pytest.raises(exceptions.ConfigurationError, match="not Unicode text"):
        Client(api_token="\ud800")
