"""The models: frozen, and the same as the service describes."""

import copy
import datetime
import pickle
import subprocess
import sys
from pathlib import Path

import pytest

import podstack
from podstack import models
from podstack._model import as_text, as_time

PYTHON = Path(__file__).resolve().parent.parent
UTC = datetime.timezone.utc


def token(**changes):
    fields = dict(
        id="abc12345", name="CI", prefix="podstack_abc12345", scopes=["*"], created_at=datetime.datetime(2027, 1, 31, 12, tzinfo=UTC),
        generation=1)
    return podstack.Token(**{**fields, **changes})


def test_models_are_frozen_values():
    one = podstack.User(id="usr_1", email="a@b.example", token=token())
    assert one == podstack.User(id="usr_1", email="a@b.example", token=token())
    assert one != podstack.User(id="usr_2", email="a@b.example") and one != "usr_1"
    assert len({one, podstack.User(id="usr_1", email="a@b.example", token=token())}) == 1
    for change in (lambda: setattr(one, "email", "x"), lambda: setattr(one, "new", 1), lambda: delattr(one, "email"),
                   lambda: setattr(one, "_values", {})):
        with pytest.raises(AttributeError):
            change()
    assert pickle.loads(pickle.dumps(one)) == one
    assert copy.copy(one) is one and copy.deepcopy(one) is one
    assert repr(one).startswith("User(id='usr_1', email='a@b.example', name=None")
    assert one.to_dict()["token"]["created_at"] == "2027-01-31T12:00:00Z"
    with pytest.raises(TypeError):
        podstack.User(id="usr_1", email="x", unknown=1)
    with pytest.raises(TypeError):
        podstack.User(id="usr_1")


def test_times():
    moment = datetime.datetime(2027, 1, 31, 12, tzinfo=UTC)
    for text in ("2027-01-31T12:00:00Z", "2027-01-31T13:00:00+01:00", "2027-01-31T13:00:00+0100", "2027-01-31T13:00:00+01"):
        assert as_time(text) == moment and as_time(text).utcoffset() == datetime.timedelta()
    for text, microsecond in (("2027-01-31T12:00:00.5Z", 500000), ("2027-01-31T12:00:00.123456789Z", 123456)):
        assert as_time(text) == moment.replace(microsecond=microsecond)
    assert as_text(datetime.datetime(2027, 1, 31, 13, tzinfo=datetime.timezone(datetime.timedelta(hours=1)))) == "2027-01-31T12:00:00Z"
    assert token().created_at == moment


def test_the_generated_files_are_up_to_date():
    for tool in ("generate_models.py", "generate_async.py"):
        subprocess.run([sys.executable, PYTHON / "tools" / tool, "--check"], check=True)


def fields_of(schema):
    """Returns the fields of a schema, and the names of those that may be missing or null."""
    required = set(schema.get("required", []))
    optional = set()
    for field, value in schema["properties"].items():
        kinds = value.get("type", "")
        variants = value.get("oneOf", []) + value.get("anyOf", [])
        if field not in required or "null" in kinds or {"type": "null"} in variants:
            optional.add(field)
    return set(schema["properties"]), optional


# Models that are parts of others, and where those have them.
PARTS = {
    "Creator": ("Pod", "created_by"), "PodLimits": ("Pod", "limits"), "PodPort": ("Pod", "ports", "items"),
    "SpendLimit": ("Token", "spend_limit"), "UsageRow": ("Usage", "usage", "items"), "VolumeMount": ("Pod", "volumes", "items"),
}


@pytest.mark.parametrize("name", sorted(set(models.__all__) - {"MissingPermission"}))
def test_each_model_is_what_the_service_describes(server, name):
    document = server.document()
    whole, *path = PARTS.get(name, (name,))
    schema = document["components"]["schemas"][whole]
    if path:
        schema = schema["properties"][path[0]]
        for step in path[1:]:
            schema = schema[step]
    fields, optional = fields_of(schema)
    model = getattr(models, name)
    assert set(model._fields) == fields
    sys.path.insert(0, str(PYTHON / "tools"))
    from generate_models import MODELS

    allowed = {field for field, kind, _ in MODELS[name][1] if kind.endswith("?") or kind == "object"}
    # What may be null must be able to be None; the SDK accepts more than the service sends.
    assert optional <= allowed


def test_every_operation_of_the_service_has_a_method(server):
    """A new path in the document needs a decision here."""
    known = {
        "/v1/auth/whoami", "/v1/auth/can", "/v1/tokens", "/v1/tokens/{id}", "/v1/tokens/{id}/rotate", "/v1/tokens/self",
        "/v1/tokens/self/rotate", "/v1/tokens/report", "/v1/projects", "/v1/projects/{project}", "/v1/projects/{project}/members",
        "/v1/projects/{project}/members/{user}", "/v1/projects/{project}/members/{user}/accept",
        "/v1/projects/{project}/members/{user}/decline", "/v1/invitations", "/v1/audit-logs", "/v1/device/code",
        "/v1/device/token", "/v1/pods", "/v1/pods/{id}", "/v1/pods/{id}/start", "/v1/pods/{id}/stop", "/v1/pods/{id}/restart",
        "/v1/pods/{id}/exec", "/v1/pods/{id}/files", "/v1/pods/{id}/logs", "/v1/pods/{id}/metrics", "/v1/pods/{id}/events", "/v1/volumes",
        "/v1/volumes/{id}", "/v1/gpus", "/v1/billing/wallet", "/v1/billing/usage",
    }
    # For other programs than SDKs.
    other = {
        "/v1/oauth/device_authorization", "/v1/oauth/token", "/.well-known/oauth-authorization-server", "/openapi.json",
        "/healthz", "/readyz", "/metrics",
    }
    assert set(server.document()["paths"]) - other == known
