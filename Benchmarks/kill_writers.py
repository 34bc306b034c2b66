"""The clients of kills.py: each changes tokens, projects and members of one account, and knows what the service must have.

A client sends a request until it gets a final response, as the SDK does: with the same Idempotency-Key, or the same secret. What
it knows of a token or a project is a Thing, with the state that the service acknowledged and, while a request has no response, the
state that the request would lead to.
"""
import collections
import copy
import hashlib
import http.client
import json
import random
import signal
import subprocess
import threading
import time

from token_format import new_id, token

# The time within which every request must have a response while an instance runs.
TIMEOUT_SECONDS = 60
ALL_PERMISSIONS = ("create", "read", "update", "delete")


class Failure(Exception):
    """Something that must not happen."""


class Gate:
    """Lets the writers send requests, or stops each before its next one."""

    def __init__(self, writers):
        self.condition = threading.Condition()
        # How many wait, and how many of them to repeat a request.
        self.writers, self.stopped, self.unfinished = writers, 0, 0
        self.is_open, self.is_finishing, self.is_over = False, False, False

    def enter(self, attempts=0):
        """Waits until a request may be sent, or repeated after some attempts; false if there will be none any more."""
        with self.condition:
            self.stopped += 1
            self.unfinished += attempts > 0
            self.condition.notify_all()
            self.condition.wait_for(
                lambda: self.is_over or (self.is_open and (attempts > 0 or not self.is_finishing)))
            self.stopped -= 1
            self.unfinished -= attempts > 0
            return not self.is_over

    def open(self):
        with self.condition:
            self.is_open = True
            self.condition.notify_all()

    def close(self):
        """Closes the gate, and waits until no request is in progress."""
        with self.condition:
            self.is_open = False
            if not self.condition.wait_for(lambda: self.stopped == self.writers, TIMEOUT_SECONDS + 10):
                raise Failure(f"{self.writers - self.stopped} requests have had no response for {TIMEOUT_SECONDS} s")

    def finish(self):
        """Lets the writers repeat the requests without a response, then closes the gate."""
        with self.condition:
            self.is_finishing = self.is_open = True
            self.condition.notify_all()
            if not self.condition.wait_for(
                    lambda: self.stopped == self.writers and self.unfinished == 0, TIMEOUT_SECONDS + 10):
                raise Failure(f"{self.writers - self.stopped} requests have had no response for {TIMEOUT_SECONDS} s")
            self.is_open = False

    def end(self):
        with self.condition:
            self.is_over = True
            self.condition.notify_all()


class Connection:
    """A connection to one instance, opened when it is needed."""

    def __init__(self, port):
        self.connection = http.client.HTTPConnection("127.0.0.1", port, timeout=TIMEOUT_SECONDS)

    def send(self, method, path, secret=None, body=None, key=None):
        """Returns the status, the body and whether it is the reply to an earlier request; None without a response."""
        headers = {}
        if secret:
            headers["Authorization"] = "Bearer " + secret
        if body is not None:
            headers["Content-Type"] = "application/json"
        if key:
            headers["Idempotency-Key"] = key
        try:
            self.connection.request(method, path, None if body is None else json.dumps(body), headers)
            response = self.connection.getresponse()
            data = response.read()
        except TimeoutError as error:
            raise Failure(f"{method} {path} had no response for {TIMEOUT_SECONDS} s") from error
        except (OSError, http.client.HTTPException):
            self.connection.close()
            return None
        return response.status, json.loads(data) if data else {}, response.getheader("Idempotency-Replayed") == "true"


def error_code(body):
    return body.get("error", {}).get("code") if isinstance(body, dict) else None


class Thing:
    """A token or a project, as the service must have it."""

    def __init__(self, kind, thing_id, state):
        self.kind, self.id, self.state = kind, thing_id, state
        # The state after the request that has no response yet.
        self.possible = None
        self.changed_in = 0


class Account:
    """An account with the audit events that its changes must have recorded."""

    def __init__(self, email, user_id, secret):
        self.email, self.user_id, self.secret = email, user_id, secret
        self.things = []
        # Counts of (action, resource type, resource ID, project ID).
        self.events, self.known_events = collections.Counter(), collections.Counter()
        self.last_event = None
        # The event of the request that has no response yet; its resource ID is None if the service chooses that.
        self.possible_event = None
        # Commands that were killed may each have created a token that only the service knows.
        self.unknown_tokens = 0


class Writer(threading.Thread):
    """A client that changes things in one account until the run is over."""

    def __init__(self, account, guests, service, seed):
        super().__init__(daemon=True)
        self.account, self.guests, self.service = account, guests, service
        self.random = random.Random(seed)
        self.connections = {}
        # Requests whose repetition must get the stored reply, each with the round, the project it needs and that reply.
        self.repeatable = []

    # MARK: Requests

    def connection(self):
        port = self.random.choice(self.service.ports)
        if port not in self.connections:
            self.connections = {known: connection for known, connection in self.connections.items()
                                if known in self.service.ports}
            self.connections[port] = Connection(port)
        return self.connections[port]

    def request(self, method, path, secret, body=None, key=None, status=200, after_retry=(), code=None):
        """Sends a request until a response is final; returns its body, and whether it is a stored reply.

        `after_retry` has the status and error code that a request gets when an earlier attempt was successful.
        """
        attempts = 0
        while self.service.gate.enter(attempts):
            attempts += 1
            response = self.connection().send(method, path, secret, body, key)
            if response is None:
                time.sleep(0.01)
                continue
            got, result, is_replayed = response
            error = error_code(result)
            # An earlier attempt may still be running.
            if (got, error) in ((503, "unavailable"), (409, "idempotency_key_reused")):
                self.service.count("unavailable")
                time.sleep(self.random.uniform(0.02, 0.2))
                continue
            if attempts > 1:
                self.service.count("repeated")
            if (got, error) == (status, code) or (attempts > 1 and (got, error) in after_retry):
                return result, is_replayed
            raise Failure(f"{method} {path} got {got} in attempt {attempts}: {result}")
        raise SystemExit

    def change(self, thing, state, action, method, path, secret, body=None, key=None, status=200, after_retry=()):
        """Makes a change that leads to a state of a thing and records one audit event."""
        is_token = thing.kind == "token"
        resource = (thing.kind, thing.id)
        if action.startswith(("member", "invitation", "permissions")):
            resource = ("member", path.split("/members/")[1].split("/")[0] if "/members/" in path else self.guest.user_id)
        event = (action, *resource, None if is_token else thing.id)
        thing.possible, self.account.possible_event = (state,), event
        result = self.request(method, path, secret, body, key, status, after_retry)
        if thing.id is None:
            thing.id = result[0]["id"]
            event = (action, thing.kind, thing.id, None if is_token else thing.id)
            self.account.things.append(thing)
        self.acknowledge(thing, state, event)
        # A token that changes itself may be revoked before the repetition.
        if key and not path.startswith("/v1/tokens/self") and self.random.random() < 0.3:
            reply = {name: value for name, value in result[0].items() if name not in ("token", "notice")}
            self.repeatable.append((self.service.round, thing, (method, path, secret, body, key, status), reply))
        return result[0]

    def acknowledge(self, thing, state, event=None):
        """Records that the service has confirmed a change."""
        thing.state, thing.possible, self.account.possible_event = state, None, None
        thing.changed_in = self.service.round
        if event:
            self.account.events[event] += 1
        self.service.count("acknowledged")

    def repeat(self):
        """Sends an earlier request again, which must get the stored reply and change nothing."""
        self.repeatable = [entry for entry in self.repeatable if entry[0] > self.service.round - 20]
        # Its member, or the project, may be gone; then there is nothing to reply.
        usable = [entry for entry in self.repeatable if "/members" not in entry[2][1] or entry[1].state is not None]
        if not usable:
            return
        _, _, (method, path, secret, body, key, status), reply = self.random.choice(usable)
        result, is_replayed = self.request(method, path, secret, body, key, status)
        same = {name: value for name, value in result.items() if name not in ("token", "notice")}
        if not is_replayed or same != reply or "token" in result:
            raise Failure(f"{method} {path} was repeated: {result} instead of {reply}")

    def key(self):
        return f"key-{self.random.getrandbits(64):x}"

    # MARK: Tokens

    def created_token(self):
        """Creates a token; returns it and the secret in use."""
        name = f"t{self.random.getrandbits(48):x}"
        state = {"name": name, "scopes": ["*"], "generation": 1, "revoked": False, "secrets": {}}
        if self.random.random() < 0.5:
            identifier = new_id()
            secret = token(identifier)
            thing = Thing("token", identifier, None)
            self.account.things.append(thing)
            body = {"name": name, "id": identifier, "sha256": hashlib.sha256(secret.encode()).hexdigest()}
            state["secrets"][secret] = "ok"
            self.change(thing, state, "token_created", "POST", "/v1/tokens", self.account.secret, body, status=201)
            return thing, secret
        # The service generates the secret. If the response is lost, the token gets a new one.
        thing = Thing("token", None, None)
        result = self.change(
            thing, state, "token_created", "POST", "/v1/tokens", self.account.secret, {"name": name}, self.key(), 201)
        secret = result.get("token")
        if secret:
            thing.state["secrets"][secret] = "ok"
            return thing, secret
        return thing, self.rotated(thing, None)

    def rotated(self, thing, secret):
        """Rotates a token, by itself or by the owner, and uses the new secret; returns it."""
        path, by = "/v1/tokens/self/rotate", secret
        if secret is None or self.random.random() < 0.3:
            path, by = f"/v1/tokens/{thing.id}/rotate", self.account.secret
        grace, new = self.random.choice([0, 0, 3600]), None
        if self.random.random() < 0.3:
            result = self.change(thing, thing.state, "token_rotated", "POST", path, by, {"grace_seconds": grace}, self.key())
            new = result.get("token")
            if new:
                thing.state["secrets"][new] = "pending"
        if new is None:
            new = token(thing.id)
            body = {"id": thing.id, "sha256": hashlib.sha256(new.encode()).hexdigest(), "grace_seconds": grace}
            state = copy.deepcopy(thing.state)
            state["secrets"][new] = "pending"
            self.change(thing, state, "token_rotated", "POST", path, by, body)
        # The first use ends the old secrets, or begins their grace period.
        state = copy.deepcopy(thing.state)
        for known, code in state["secrets"].items():
            if known == new or (code == "ok" and grace > 0):
                state["secrets"][known] = "ok"
            elif code != "pending":
                state["secrets"][known] = "rotated_token"
        state["generation"] += 1
        thing.possible = (state,)
        self.request("GET", "/v1/auth/whoami", new)
        self.acknowledge(thing, state)
        return new

    def token_life(self):
        thing, secret = self.created_token()
        for _ in range(self.random.randrange(3)):
            secret = self.rotated(thing, secret)
        for scopes in self.random.choice([[], [["projects:read", "tokens:read"]], [["tokens:*"], ["tokens:read"]]]):
            state = dict(thing.state, scopes=scopes)
            self.change(thing, state, "token_updated", "PATCH", f"/v1/tokens/{thing.id}", self.account.secret,
                        {"scopes": scopes})
            self.request("POST", "/v1/projects", secret, {"name": "forbidden"}, status=403, code="insufficient_scope")
        if self.random.random() < 0.3:
            state = dict(thing.state, name=thing.state["name"] + "-renamed")
            self.change(thing, state, "token_updated", "PATCH", f"/v1/tokens/{thing.id}", self.account.secret,
                        {"name": state["name"]})
        if self.random.random() < 0.25:
            return
        state = dict(thing.state, revoked=True)
        state["secrets"] = {known: "revoked_token" for known in state["secrets"]}
        way = self.random.randrange(3)
        if way == 0:
            self.change(thing, state, "token_revoked", "DELETE", "/v1/tokens/self", secret, status=204,
                        after_retry=[(401, "revoked_token")])
        elif way == 1:
            self.change(thing, state, "token_revoked", "DELETE", f"/v1/tokens/{thing.id}", self.account.secret, status=204)
        else:
            self.change(thing, state, "token_revoked", "POST", "/v1/tokens/report", None, {"tokens": [secret]}, status=202)
        self.request("GET", "/v1/auth/whoami", secret, status=401, code="revoked_token")

    # MARK: Projects

    def project_life(self):
        name = f"p{self.random.getrandbits(48):x}"
        owner = (self.account.user_id, ("admin", frozenset(ALL_PERMISSIONS), "active"))
        thing = Thing("project", None, None)
        state = {"name": name, "description": "first", "members": dict([owner])}
        self.change(thing, state, "create", "POST", "/v1/projects", self.account.secret,
                    {"name": name, "description": "first"}, self.key(), 201)
        path = f"/v1/projects/{thing.id}"
        if self.random.random() < 0.5:
            state = dict(thing.state, description="second")
            self.change(thing, state, "update", "PATCH", path, self.account.secret, {"description": "second"})
        if self.random.random() < 0.7:
            self.membership(thing, path)
        if self.random.random() < 0.6 and len(thing.state["members"]) == 1:
            self.change(thing, None, "delete", "DELETE", path, self.account.secret, status=204,
                        after_retry=[(404, "not_found")])

    def membership(self, thing, path):
        """Invites a guest, who accepts or declines; changes the membership and mostly ends it."""
        self.guest = self.random.choice(self.guests)
        owner, members = self.account.secret, f"{path}/members"
        member = f"{members}/{self.guest.user_id}"

        def with_guest(permissions=None, status="active"):
            others = {user: value for user, value in thing.state["members"].items() if user != self.guest.user_id}
            if permissions:
                others[self.guest.user_id] = ("user", frozenset(permissions), status)
            return dict(thing.state, members=others)

        self.change(thing, with_guest(["read"], "invited"), "member_invited", "POST", members, owner,
                    {"email": self.guest.email, "role": "user", "permissions": ["read"]}, self.key(), 201)
        if self.random.random() < 0.2:
            self.change(thing, with_guest(), "invitation_declined", "POST", member + "/decline", self.guest.secret,
                        None, self.key(), 204)
            return
        self.change(thing, with_guest(["read"]), "invitation_accepted", "POST", member + "/accept", self.guest.secret,
                    None, self.key())
        permissions = ["read"]
        if self.random.random() < 0.5:
            permissions = ["read", "update"]
            self.change(thing, with_guest(permissions), "permissions_changed", "PATCH", member, owner,
                        {"role": "user", "permissions": permissions})
        if self.random.random() < 0.3:
            self.change(thing, with_guest(permissions, "deactivated"), "member_deactivated", "PATCH", member, owner,
                        {"status": "deactivated"})
        if self.random.random() < 0.8:
            by, action = self.random.choice([(owner, "member_removed"), (self.guest.secret, "member_left")])
            self.change(thing, with_guest(), action, "DELETE", member, by, status=204, after_retry=[(404, "not_found")])

    def run(self):
        try:
            while True:
                self.random.choice([self.token_life, self.project_life, self.repeat])()
        except Failure as failure:
            self.service.fail(f"{self.account.email}: {failure}")
        except SystemExit:
            return
        # The others go on.
        while self.service.gate.enter():
            time.sleep(0.05)


class Operator(Writer):
    """An operator who creates and revokes tokens with the commands of podstack-server, which are killed too."""

    def command(self, *words):
        """Runs a command until it is successful; returns its output."""
        attempts = 0
        while self.service.gate.enter(attempts):
            attempts += 1
            process = subprocess.Popen(
                [self.service.program, *words, "--data", self.service.directory], env=self.service.environment,
                stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
            self.service.commands.add(process)
            output, error = process.communicate()
            self.service.commands.discard(process)
            if process.returncode == 0:
                return output.strip()
            if words[1] == "create":
                self.account.unknown_tokens += 1
            # 1 is the exit status without the database.
            if process.returncode != -signal.SIGKILL and "database" not in error:
                raise Failure(f"podstack-server {' '.join(words)}: {process.returncode} {error}")
            time.sleep(0.05)
        raise SystemExit

    def token_life(self):
        account = self.account
        name = f"t{self.random.getrandbits(48):x}"
        secret = self.command("token", "create", account.email, "--name", name, "--max-active-tokens", "99999")
        thing = Thing("token", secret.split("_")[1], {
            "name": name, "scopes": ["*"], "generation": 1, "revoked": False, "secrets": {secret: "ok"}})
        account.things.append(thing)
        self.acknowledge(thing, thing.state, ("token_created", "token", thing.id, None))
        if self.random.random() < 0.25:
            return
        state = dict(thing.state, revoked=True, secrets={secret: "revoked_token"})
        event = ("token_revoked", "token", thing.id, None)
        thing.possible, account.possible_event = (state,), event
        self.command("token", "revoke", f"podstack_{thing.id}")
        self.acknowledge(thing, state, event)

    def project_life(self):
        time.sleep(self.random.uniform(0, 0.1))

    repeat = project_life
