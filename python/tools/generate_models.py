#!/usr/bin/env python3
"""Writes src/podstack/models.py: one class for each model of the API.

The tests compare the table below with the service's /openapi.json.
Usage: generate_models.py [--check]
"""

import sys
from pathlib import Path

TARGET = Path(__file__).resolve().parent.parent / "src/podstack/models.py"

# Name of the class: its summary, and its fields as (name, type, description). A field whose type ends with "?" may be None.
MODELS = {
    "Token": (
        "An API token as the service returns it: everything but its secret.",
        [
            ("id", "str", "The ID: 8 lowercase Crockford base32 characters."),
            ("name", "str", "The name, 1 to 100 characters."),
            ("prefix", "str", "`podstack_` and the ID: the only part of a token that is ever displayed or logged."),
            ("scopes", "strings", "The permissions: `resource:action`, `resource:*` or `*`."),
            ("project_ids", "strings?", "The IDs of the projects that the token is limited to; None for all projects."),
            ("created_at", "time", "The time of creation."),
            ("expires_at", "time?", "The time from which the token is rejected; None if it never expires."),
            ("last_used_at", "time?", "The time of the last request with the token; None if there was none."),
            ("generation", "int", "The number of the secret: 1 at first, and one more with each rotated secret."),
            ("rotate_by", "time?", "The time by which the token should be rotated: 90 days after its secret was generated."),
            ("status", "str?", "The state: `active`, `expired` or `revoked`."),
            ("revoked_at", "time?", "The time of revocation; None if the token is not revoked."),
        ],
    ),
    "User": (
        "The user that a token belongs to: the result of `client.auth.whoami()`.",
        [
            ("id", "str", "The ID: `usr_` and 20 base62 characters."),
            ("email", "str", "The email address."),
            ("name", "str?", "The name; None if the user set none."),
            ("account_id", "str?", "The ID of the user's account: `acc_` and 20 base62 characters."),
            ("created_at", "time?", "The time at which the user was created."),
            ("token", "Token?", "The token that the request was sent with."),
            ("default_project_id", "str?", "The ID of the project that requests without a project use."),
        ],
    ),
    "MissingPermission": (
        "A reason why an action is not allowed.",
        [
            ("code", "str", "The kind of reason: `insufficient_scope`, `project_forbidden` or `member_forbidden`."),
            ("message", "str", "The reason as a sentence."),
        ],
    ),
    "Permission": (
        "Whether a token may perform an action, and what it lacks.",
        [
            ("scope", "str", "The scope that the request asked about, such as `projects:create`."),
            ("project_id", "str?", "The ID of the project that the request asked about; None if it named none."),
            ("allowed", "bool", "Whether the action is allowed."),
            ("missing", "MissingPermission*", "The reasons why the action is not allowed; empty if it is."),
        ],
    ),
    "Project": (
        "A project: a group of pods, volumes and members.",
        [
            ("id", "str", "The ID: `prj_` and 20 base62 characters."),
            ("name", "str", "The name."),
            ("description", "str?", "The description; None if there is none."),
            ("created_at", "time", "The time of creation."),
            ("role", "str?", "The caller's role in the project: `admin` or `user`."),
            ("permissions", "strings?", "The permissions of a caller with the role `user`; an admin has all."),
            ("is_default", "bool?", "Whether the caller's requests without a project use this one."),
        ],
    ),
    "Member": (
        "A user's membership in a project.",
        [
            ("user_id", "str", "The user's ID: `usr_` and 20 base62 characters."),
            ("email", "str", "The user's email address."),
            ("name", "str?", "The user's name; None if the user set none."),
            ("role", "str", "The role: `admin` or `user`."),
            ("permissions", "strings", "The permissions of a `user`; an admin has all."),
            ("status", "str", "The state: `active`, `deactivated`, or `invited` until the user accepts."),
            ("added_at", "time", "The time at which the member was added or, if not yet a member, invited."),
        ],
    ),
    "Invitation": (
        "An invitation to a project, which its user accepts or declines.",
        [
            ("project_id", "str", "The project's ID: `prj_` and 20 base62 characters."),
            ("project_name", "str", "The project's name."),
            ("role", "str", "The role that the user will have: `admin` or `user`."),
            ("permissions", "strings", "The permissions that a `user` will have; an admin has all."),
            ("invited_by", "str", "The email address of the user who invited."),
            ("created_at", "time", "The time at which the user was invited."),
            ("expires_at", "time", "The time at which the invitation expires."),
        ],
    ),
    "AuditEvent": (
        "An entry of the audit log: one change, and the user and token behind it.",
        [
            ("id", "str", "The ID: `evt_` and 20 base62 characters."),
            ("created_at", "time", "The time of the change."),
            ("action", "str", "The action, such as `create`, `token_created` or `member_removed`."),
            ("resource_type", "str", "The kind of resource that changed: `project`, `token`, `member` or `user`."),
            ("resource_id", "str?", "The ID of the resource."),
            ("resource_name", "str?", "The name of the resource at that time."),
            ("project_id", "str?", "The ID of the project that the resource belongs to."),
            ("user_id", "str?", "The ID of the user that made the change; None for the operator of the service."),
            ("user_email", "str?", "The email address of the user."),
            ("token_id", "str?", "The ID of the token that the request was sent with."),
            ("ip_address", "str?", "The address that the request came from."),
            ("user_agent", "str?", "The request's `User-Agent` header."),
            ("details", "object", "Further values, such as the `old` and `new` value of a change; never a secret."),
        ],
    ),
}

HEADER = '''"""The models of the API: frozen, typed objects that never contain a secret in their text.

Times are `datetime` in UTC. This file is written by tools/generate_models.py.
"""

from __future__ import annotations

from datetime import datetime
from typing import Any

from ._model import Model, as_text, as_time

__all__ = [
NAMES]
'''

TYPES = {"str": "str", "int": "int", "bool": "bool", "time": "datetime", "strings": "tuple[str, ...]", "object": "dict[str, Any]"}


def split(kind):
    """Returns the name of the type, whether it may be None, and whether there are many."""
    return kind.rstrip("?*"), kind.endswith("?"), kind.endswith("*")


def python_type(kind):
    name, is_optional, is_many = split(kind)
    text = TYPES.get(name, name)
    if is_many:
        text = f"tuple[{text}, ...]"
    return f"{text} | None" if is_optional else text


def parameter_type(kind):
    name, is_optional, _ = split(kind)
    text = python_type(kind)
    if name == "strings":
        text = "Sequence[str]" + (" | None" if is_optional else "")
    return text


def to_values(name, kind):
    """Returns the expression that turns an argument into the JSON value."""
    base, is_optional, is_many = split(kind)
    if base == "time":
        return f"as_text({name})"
    if base == "strings":
        return f"None if {name} is None else list({name})" if is_optional else f"list({name})"
    if base == "object":
        return f"dict({name} or {{}})"
    if base in MODELS:
        if is_many:
            return f"[item._values for item in {name}]"
        return f"None if {name} is None else {name}._values"
    return name


def from_values(name, kind):
    """Returns the lines that read a value."""
    base, is_optional, is_many = split(kind)
    get = f'self._values.get("{name}")' if is_optional else f'self._values["{name}"]'
    if base == "time":
        expression = f"as_time({get})"
        if is_optional:
            return [f"text = {get}", "return None if text is None else as_time(text)"]
        return [f"return {expression}"]
    if base == "strings":
        if is_optional:
            return [f"texts = {get}", "return None if texts is None else tuple(texts)"]
        return [f"return tuple({get})"]
    if base == "object":
        return [f'return dict(self._values.get("{name}") or {{}})']
    if base in MODELS:
        if is_many:
            return [f"return tuple({base}._from(item) for item in {get})"]
        return [f"values = {get}", f"return None if values is None else {base}._from(values)"]
    return [f"value: {python_type(kind)} = {get}", "return value"]


def render():
    names = "".join(f'    "{name}",\n' for name in sorted(MODELS))
    text = HEADER.replace("NAMES", names)
    text = text.replace("from typing import Any\n", "from typing import Any, Sequence\n")
    for name, (summary, fields) in MODELS.items():
        text += f'\n\nclass {name}(Model):\n    """{summary}\n\n    Args:\n'
        for field, kind, description in fields:
            text += f"        {field}: {description}\n"
        text += '    """\n\n    __slots__ = ()\n'
        text += "    _fields = (" + ", ".join(f'"{field}"' for field, _, _ in fields) + ",)\n\n"
        text += "    def __init__(\n        self,\n        *,\n"
        required = [field for field in fields if not field[1].endswith("?") and field[1] != "object"]
        others = [field for field in fields if field not in required]
        for field, kind, _ in required:
            text += f"        {field}: {parameter_type(kind)},\n"
        for field, kind, _ in others:
            shown = "dict[str, Any] | None" if kind == "object" else parameter_type(kind)
            text += f"        {field}: {shown} = None,\n"
        text += "    ) -> None:\n        self._init(\n            {\n"
        for field, kind, _ in fields:
            text += f'                "{field}": {to_values(field, kind)},\n'
        text += "            }\n        )\n"
        for field, kind, description in fields:
            text += f'\n    @property\n    def {field}(self) -> {python_type(kind)}:\n        """{description}"""\n'
            for line in from_values(field, kind):
                text += f"        {line}\n"
    return text


def main():
    text = render()
    if "--check" in sys.argv[1:]:
        if TARGET.read_text() != text:
            sys.exit(f"{TARGET} is out of date: run tools/generate_models.py")
    else:
        TARGET.write_text(text)


if __name__ == "__main__":
    main()
