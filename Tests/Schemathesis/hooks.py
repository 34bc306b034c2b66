"""Gives each request of schemathesis a token, so that every operation can be tested.

PODSTACK_SERVER       podstack-server, and PODSTACK_DATA its data directory
PODSTACK_SCOPES       the scopes of the tokens under test, separated by spaces
PODSTACK_FIRST_TOKEN  the first of them, which already exists
PODSTACK_KNOWN_IDS    a JSON object with the ID of an existing object for each parameter of a path
PODSTACK_STATEFUL     set to anything if requests use values of earlier responses

A token or object that a request changed, revoked, rotated or removed is replaced by a new one. A token may always revoke
and rotate itself, whatever its scopes: each request for one of these two operations gets a new token of another account.
"""
import json
import os
import subprocess
import threading
import unicodedata
import urllib.error
import urllib.request

import schemathesis


@schemathesis.serializer("application/x-tar")
def archive(_, value):
    """Sends any value as the bytes of an archive, which is rarely one."""
    return value if isinstance(value, bytes) else str(value).encode()

OWN = {("DELETE", "/v1/tokens/self"), ("POST", "/v1/tokens/self/rotate")}
MEMBER = {"email": "member@example.com", "role": "user", "permissions": ["read"]}
known_ids = json.loads(os.environ["PODSTACK_KNOWN_IDS"])
lock = threading.Lock()
current = os.environ["PODSTACK_FIRST_TOKEN"]
turn = 0


def create_token(email, scopes):
    words = [word for scope in scopes for word in ("--scope", scope)]
    return subprocess.run(
        [os.environ["PODSTACK_SERVER"], "token", "create", email, "--name", "schemathesis", "--data",
         os.environ["PODSTACK_DATA"], "--max-active-tokens", "1000000", *words],
        check=True, capture_output=True, text=True).stdout.strip()


def is_own(case):
    return (case.method.upper(), case.operation.path) in OWN


@schemathesis.auth(refresh_interval=None)
class Token:
    def get(self, case, context):
        global current
        scopes = os.environ["PODSTACK_SCOPES"].split()
        if is_own(case):
            return create_token("spare@example.com", scopes)
        with lock:
            current = current or create_token("you@example.com", scopes)
            return current

    def set(self, case, token, context):
        case.headers = case.headers or {}
        case.headers["Authorization"] = f"Bearer {token}"


@schemathesis.hook
def before_load_schema(context, raw_schema):
    """Removes X-Project-ID from stateful runs: schemathesis would create a project before every other request."""
    if "PODSTACK_STATEFUL" not in os.environ:
        return
    for operations in raw_schema["paths"].values():
        for operation in operations.values():
            parameters = operation.get("parameters", [])
            parameters[:] = [parameter for parameter in parameters if parameter["name"] != "X-Project-ID"]


def post(base, path, body, name, token):
    request = urllib.request.Request(
        base + path, json.dumps(body).encode(),
        {"Authorization": "Bearer " + token, "Content-Type": "application/json"})
    with urllib.request.urlopen(request) as response:
        return json.load(response)[name]


def invite_member(base, project, token):
    """Makes the known user a member of a project, and returns the user's ID."""
    members = f"/v1/projects/{project}/members"
    user = post(base, members, MEMBER, "user_id", token)
    return post(base, f"{members}/{user}/accept", {}, "user_id", create_token(MEMBER["email"], ["*"]))


def is_plain(text):
    """Returns whether a text certainly follows the rule for texts that people read, which no pattern can express."""
    fillers = "\u115f\u1160\u3164\uffa0"
    kinds = (unicodedata.category(character) for character in text)
    return not any(character in fillers for character in text) and all(
        kind == "Cc" or kind[0] not in "CM" and kind not in ("Zl", "Zp") for kind in kinds)


@schemathesis.hook
def filter_body(context, body):
    fields = body if isinstance(body, dict) else {}
    texts = [fields.get(name) for name in ("name", "description", "client_name", "client_id", "email")]
    return all(is_plain(text) for text in texts if isinstance(text, str))


@schemathesis.hook
def after_call(context, case, response):
    global current
    path, base = case.operation.path, case.operation.base_url.rstrip("/")
    if response.status_code >= 300 or case.method.upper() == "GET" or "{" not in path:
        return
    with lock:
        if path.startswith("/v1/tokens/"):
            current = None
        if case.method.upper() != "DELETE":
            return
        token = create_token("you@example.com", ["*"])
        if path == "/v1/tokens/{id}":
            known_ids["id"] = post(base, "/v1/tokens", {"name": "known"}, "id", token)
        if path == "/v1/projects/{project}":
            known_ids["project"] = post(base, "/v1/projects", {"name": "known"}, "id", token)
        try:
            known_ids["user"] = invite_member(base, known_ids["project"], token)
        except urllib.error.HTTPError as failure:
            # The request removed a different one, which still exists, or earlier ones used up the unknown addresses.
            if failure.code not in (409, 429):
                raise


@schemathesis.hook
def before_call(context, case, kwargs):
    """Uses an existing ID in every second case, so that rejections concern existing objects. Keys are unique."""
    global turn
    meta = case._meta
    if meta is None or meta.generation.mode.value != "positive":
        return
    for name in case.path_parameters or {}:
        turn += 1
        if name in known_ids and turn % 2 and "PODSTACK_STATEFUL" not in os.environ:
            case.path_parameters[name] = known_ids[name]
    turn += 1
    if "X-Project-ID" in (case.headers or {}) and turn % 2:
        case.headers["X-Project-ID"] = known_ids["project"]
    if "Idempotency-Key" in (case.headers or {}):
        case.headers["Idempotency-Key"] = f"{turn}-{case.headers['Idempotency-Key']}"[:255]


@schemathesis.check
def only_what_the_token_may(ctx, response, case):
    """Fails if a change succeeds without the scope that it requires."""
    needed = [scope for one in case.operation.definition.raw.get("security", []) for scope in one.get("token", [])]
    allowed = os.environ["PODSTACK_SCOPES"].split()
    if needed and response.status_code < 300 and "*" not in allowed:
        assert all(scope in allowed for scope in needed), f"{case.method} {case.operation.path} succeeded"
