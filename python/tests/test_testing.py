"""podstack.testing: no network."""

import asyncio

import pytest

import podstack
from podstack import AsyncClient, Client, exceptions, testing


def client(*responses, **arguments):
    return Client(api_token="test", environment={}, transport=testing.RecordingTransport(*responses), **arguments)


def test_scripted_responses_in_order():
    transport = testing.RecordingTransport(testing.user("one@b.example"), testing.user("two@b.example"))
    with Client(api_token="test", environment={}, transport=transport) as client:
        assert [client.auth.whoami().email for _ in range(3)] == ["one@b.example", "two@b.example", "two@b.example"]
    assert [request.method for request in transport.requests] == ["GET"] * 3


def test_functions_and_models():
    project = podstack.Project(id="prj_1", name="P", created_at=podstack._model.as_time("2027-01-31T12:00:00Z"))

    def respond(request):
        assert request.body == b'{"name":"P"}'
        assert request.header("content-type") == "application/json"
        return testing.json_response(project, 201)

    assert client(respond).projects.create("P") == project
    assert client(testing.page("projects", [project])).projects.list().all() == [project]
    assert client(testing.no_content()).projects.delete("prj_1") is None
    with pytest.raises(exceptions.NetworkError, match="provided no response"):
        client(retry=podstack.RetryConfiguration.none()).auth.whoami()


def test_with_an_asynchronous_client():
    async def call():
        transport = testing.RecordingTransport(testing.user("one@b.example"))
        async with AsyncClient(api_token="test", environment={}, transport=transport) as client:
            users = await asyncio.gather(*(client.auth.whoami() for _ in range(50)))
        return len(transport.requests), {user.email for user in users}

    assert asyncio.run(call()) == (50, {"one@b.example"})


def test_a_cassette_records_and_replays(server, tmp_path):
    path = tmp_path / "cassette.json"
    with testing.Cassette(path) as cassette:
        client = Client(api_token=server.token, api_endpoint=server.url, transport=cassette)
        recorded = client.auth.whoami()
        assert client.auth.can("projects:read").allowed
    assert server.token not in path.read_text()
    with testing.Cassette(path) as cassette:
        assert not cassette.record
        client = Client(api_token="another", environment={}, transport=cassette, retry=podstack.RetryConfiguration.none())
        assert client.auth.can("projects:read").allowed
        assert client.auth.whoami() == recorded
        with pytest.raises(exceptions.NetworkError, match="has no answer to GET /v1/auth/whoami"):
            client.auth.whoami()
