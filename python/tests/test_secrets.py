"""A secret is shown only by `reveal()`."""

import copy
import json
import logging
import pickle
import traceback

import pytest

import podstack
from podstack import APIToken, Client, testing

SECRET = "podstack_abc12345_0123456789abcdefghijklmnopqrstuv"


@pytest.fixture
def token(server):
    return APIToken(server.token)


def test_every_way_to_show_a_token(token, caplog):
    secret = token.reveal()
    shown = f"{secret[:17]}…"
    assert (str(token), repr(token), f"{token}", f"{token:>3}", "%s" % token) == (shown, f"APIToken('{shown}')", shown, shown, shown)
    hidden = secret[18:]
    texts = [repr([token]), repr({"a": token}), repr(podstack.Credential(token)), str(vars) + repr(dir(token))]
    texts.append(repr(token.__reduce__()))
    texts.append(repr(pickle.dumps(token)))
    texts.append(repr(token.__getstate__()))
    with caplog.at_level(logging.DEBUG):
        logging.getLogger("x").warning("token %s %r", token, token)
    texts.append(caplog.text)
    for text in texts:
        assert hidden not in text
    with pytest.raises(TypeError):
        json.dumps(token)
    with pytest.raises(TypeError):
        vars(token)
    assert APIToken("short").prefix is None and str(APIToken("short")) == "…"


def test_copies_and_pickles(token):
    for copied in (copy.copy(token), copy.deepcopy(token), copy.deepcopy([token])[0]):
        assert copied is token
    for protocol in range(pickle.HIGHEST_PROTOCOL + 1):
        data = pickle.dumps(token, protocol)
        assert token.reveal().encode() not in data
        restored = pickle.loads(data)
        assert str(restored) == "…" and restored != token
        with pytest.raises(ValueError, match="pickled"):
            restored.reveal()


def test_a_token_is_frozen_and_compares_by_its_secret(token):
    same = APIToken(f"  {token.reveal()}\n")
    assert same == token and hash(same) == hash(token) and token != token.reveal()
    for change in (lambda: setattr(token, "x", 1), lambda: setattr(token, "_APIToken__secret", "y"), lambda: delattr(token, "x")):
        with pytest.raises(AttributeError):
            change()
    assert same == token


def test_created_tokens_show_no_secret(signed_in):
    with Client() as client:
        created = client.tokens.create("hidden")
        assert created.secret.reveal()[18:] not in repr(created)
        client.tokens.revoke(created.token.id)


def test_no_error_contains_the_secret(server):
    # The service repeats what was sent.
    echo = testing.failure(422, "validation_failed", f"invalid {server.token}", {"given": server.token, server.token: [server.token]})
    transport = testing.RecordingTransport(echo)
    with Client(api_token=server.token, environment={}, transport=transport) as client:
        try:
            client.auth.whoami()
        except podstack.PodstackError as error:
            text = "".join(traceback.format_exception(type(error), error, error.__traceback__)) + repr(vars(error))
    assert "validation_failed" in text and server.token[18:] not in text
    for arguments in (dict(profile=server.token), dict(api_endpoint=server.token), dict(api_token=f"{server.token} x")):
        try:
            Client(**arguments)
        except podstack.PodstackError as error:
            assert server.token[18:] not in str(vars(error)) or "profile" in arguments


class Rejected:
    def send(self, request):
        raise ValueError("the transport is broken")


class Sealed:
    def credential(self, instead_of):
        if instead_of is not None:
            raise RuntimeError("the vault is sealed")
        return SECRET


@pytest.mark.parametrize(
    "create",
    [
        lambda secret: Client(api_token=secret, api_endpoint="nonsense"),
        lambda secret: Client(api_token=APIToken(secret), timeout=-1),
        lambda secret: Client(api_token=secret, timeout="5"),
        lambda secret: Client(api_token=secret, profile="x", project_id="\ud800"),
        lambda secret: Client(api_token=secret.encode()),
        lambda secret: Client(profile=secret),
        lambda secret: Client(environment={"PODSTACK_API_TOKEN": secret, "PODSTACK_API_ENDPOINT": "x"}),
        lambda secret: podstack.AsyncClient(api_token=secret, api_endpoint="nonsense"),
        lambda secret: podstack.Configuration.resolve(api_token=secret, api_endpoint="nonsense"),
        lambda secret: Client(api_token=APIToken(secret), transport=Rejected(), environment={}).auth.whoami(),
        lambda secret: Client(
            credentials=Sealed(), environment={}, transport=testing.RecordingTransport(testing.failure(401, "invalid_token", "no"))
        ).auth.whoami(),
        lambda secret: APIToken(secret.encode()),
    ])
def test_no_variable_of_a_frame_contains_the_secret(create):
    # Error reports show the variables of each frame, and so the representation of objects that are not complete.
    with pytest.raises(Exception) as caught:
        create(SECRET)
    error = caught.value
    shown = traceback.TracebackException(type(error), error, error.__traceback__.tb_next.tb_next, capture_locals=True)
    text = "".join(shown.format())
    assert "/podstack/" in text
    assert SECRET[18:] not in text and "repr() failed" not in text


def test_an_object_that_is_not_complete_has_a_representation():
    for kind in (Client, podstack.AsyncClient, APIToken, podstack.Credential, podstack.RetryConfiguration):
        assert "incomplete" in repr(kind.__new__(kind))


@pytest.mark.parametrize("timeout", [float("inf"), float("nan"), "5", True, 10**400, [1]])
def test_a_timeout_is_a_finite_number(timeout):
    with pytest.raises(podstack.ConfigurationError, match="timeout= must be"):
        Client(api_token="x", environment={}, timeout=timeout)
