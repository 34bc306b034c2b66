"""The errors: their classes, their text and their fields."""

import builtins
import copy
import pickle

import pytest

import podstack
from podstack import Client, exceptions, testing

NAMES = [
    "PodstackError", "AuthenticationError", "PermissionError", "ResourceNotFoundError", "ValidationError",
    "InsufficientBalanceError", "QuotaExceededError", "RateLimitError", "ServerError", "NetworkError", "ConfigurationError",
    "GPUNotAvailableError", "ConflictError", "ExecTimeoutError", "PodNotRunningError", "PodFileError",
]


def raised(*responses, retry=podstack.RetryConfiguration.none()):
    transport = testing.RecordingTransport(*responses)
    with Client(api_token="secret-token", environment={}, transport=transport, retry=retry) as client:
        with pytest.raises(exceptions.PodstackError) as caught:
            client.auth.whoami()
    return caught.value


def test_the_hierarchy():
    assert sorted(exceptions.__all__) == sorted(NAMES)
    for name in NAMES:
        kind = getattr(exceptions, name)
        assert issubclass(kind, exceptions.PodstackError)
        assert kind.__module__ == "podstack.exceptions"
        assert getattr(podstack, name) is kind
    assert issubclass(exceptions.PermissionError, builtins.PermissionError)
    assert issubclass(exceptions.NetworkError, builtins.ConnectionError)
    assert not issubclass(exceptions.AuthenticationError, OSError)


@pytest.mark.parametrize(
    "response, kind, status, fields",
    [
        (testing.invalid_token(), "AuthenticationError", 401, {"code": "invalid_token"}),
        (testing.expired_token(), "AuthenticationError", 401, {"code": "expired_token"}),
        (testing.revoked_token(), "AuthenticationError", 401, {"code": "revoked_token"}),
        (testing.rotated_token(), "AuthenticationError", 401, {"code": "rotated_token"}),
        (testing.insufficient_scope("a:b"), "PermissionError", 403, {"required_scope": "a:b"}),
        (testing.project_forbidden("prj"), "PermissionError", 403, {"code": "project_forbidden"}),
        (testing.not_found("project", "p"), "ResourceNotFoundError", 404, {"resource_type": "project", "resource_id": "p"}),
        (testing.validation_failed({"name": ["is long"]}), "ValidationError", 422, {"field_errors": {"name": ["is long"]}}),
        (testing.insufficient_balance(5, 2.5), "InsufficientBalanceError", 402, {"required_amount": 5, "available_amount": 2.5}),
        (testing.quota_exceeded("tokens", 5, 5), "QuotaExceededError", 409, {"resource_type": "tokens", "limit": 5, "current": 5}),
        (testing.rate_limited(7), "RateLimitError", 429, {"retry_after": 7}),
        (testing.server_error(503), "ServerError", 503, {"code": "internal"}),
        (testing.network_failure(), "NetworkError", None, {}),
        (testing.text_response("<html>Bad gateway</html>", 502), "ServerError", 502, {}),
        (testing.text_response("not json"), "ServerError", 200, {}),
    ])
def test_each_failure(response, kind, status, fields):
    error = raised(response)
    assert type(error).__name__ == kind
    assert error.status_code == status
    for name, value in fields.items():
        assert getattr(error, name) == value
    if status is not None and error.code:
        assert error.request_id == "req_00000000000000000000"
    copied = pickle.loads(pickle.dumps(error))
    assert (type(copied), str(copied), copied.details, copied.hint) == (type(error), str(error), error.details, error.hint)
    assert str(copy.copy(error)) == str(error)
    for text in (str(error), repr(error), error.message, error.hint or "", repr(error.details)):
        assert "secret-token" not in text


def test_the_sentences_of_the_page(environment):
    with pytest.raises(exceptions.AuthenticationError) as caught:
        Client()
    assert str(caught.value) == "No API token provided"
    assert caught.value.message.startswith("No API token provided: looked in api_token=, PODSTACK_API_TOKEN")
    assert str(environment) in caught.value.hint
    assert str(raised(testing.invalid_token())) == "Invalid API token"
    assert str(raised(testing.insufficient_scope("projects:create"))) == "Access denied to resource"
    with pytest.raises(exceptions.AuthenticationError) as caught:
        Client(api_token="with a space")
    assert str(caught.value) == "Invalid API token"
    assert "api_token= contains whitespace" in caught.value.message
    assert "with a space" not in caught.value.message


def test_the_other_clients_variable_is_named(monkeypatch):
    monkeypatch.setenv("PODSTACK_API_KEY", "x")
    with pytest.raises(exceptions.AuthenticationError) as caught:
        Client()
    assert "PODSTACK_API_KEY is set" in caught.value.hint


def test_errors_name_the_parameters_of_python(environment):
    for arguments, text in [
        ({"api_endpoint": "http://example.com"}, "api_endpoint="),
        ({"project_id": " "}, "project_id="),
        ({"profile": ""}, "profile="),
    ]:
        with pytest.raises(exceptions.ConfigurationError) as caught:
            Client(api_token="x", **arguments) if "profile" not in arguments else Client(**arguments)
        assert text in str(caught.value)
        assert caught.value.source == text


def test_errors_can_be_created():
    error = exceptions.ResourceNotFoundError("No such pod", code="not_found", status_code=404, details={"resource_id": "x"})
    assert (error.resource_id, error.resource_type, error.hint) == ("x", None, None)
    assert repr(error) == "ResourceNotFoundError('No such pod', code='not_found')"
    assert exceptions.RateLimitError("slow", retry_after=3).retry_after == 3
    assert exceptions.NetworkError("gone").errno is None
    assert str(exceptions.PermissionError("Access denied to resource: the token lacks x")) == "Access denied to resource"
    with pytest.raises(OSError):
        raise exceptions.PermissionError("no")


def test_retries():
    transport = testing.RecordingTransport(testing.server_error(503), testing.network_failure(), testing.user("a@b.example"))
    events = []
    retry = podstack.RetryConfiguration(initial_delay=0.001)
    with Client(api_token="t", environment={}, transport=transport, retry=retry, on_event=events.append) as client:
        assert client.auth.whoami().email == "a@b.example"
    assert len(transport.requests) == 3
    retried = [event for event in events if isinstance(event, podstack.RequestRetried)]
    assert [(event.retry, event.reason) for event in retried] == [(1, "HTTP 503"), (2, "Couldn't connect to server")]
    assert raised(testing.server_error(), retry=podstack.RetryConfiguration(retry_on=["rate_limit"])).status_code == 500
    for wrong in (dict(max_retries=-1), dict(backoff_factor=0.5), dict(retry_on=["sometimes"]), dict(retry_on="rate_limit"),
                  dict(initial_delay=-1)):
        with pytest.raises(exceptions.ConfigurationError):
            podstack.RetryConfiguration(**wrong)
