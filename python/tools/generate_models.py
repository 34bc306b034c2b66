#!/usr/bin/env python3
"""Writes src/podstack/models.py: one class for each model of the API.

The tests compare the table below with the service's /openapi.json.
Usage: generate_models.py [--check]
"""

import keyword
import sys
from pathlib import Path

TARGET = Path(__file__).resolve().parent.parent / "src/podstack/models.py"

# Name of the class: its summary, and its fields as (name, type, description). A field whose type ends with "?" may be None.
MODELS = {
    "SpendLimit": (
        "The most that the pods of a token or a project may cost in a period; it is also their budget.",
        [
            ("amount", "amount", "The amount."),
            ("period", "str", "The period after which the sum starts again: `day`, `month` or `total`."),
        ],
    ),
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
            ("spend_limit", "SpendLimit?", "The most that pods which the token starts may cost; None for no limit."),
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
            ("spend_limit", "SpendLimit?", "The most that the pods of the project may cost; None for no limit."),
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
    "PodPort": (
        "A port that a pod publishes.",
        [
            ("container_port", "int", "The port inside the pod, 1 to 65535."),
            ("address", "str?", "The address and port that reach it, such as `127.0.0.1:49153`; None while the pod does not run."),
        ],
    ),
    "VolumeMount": (
        "A volume and the directory at which a pod mounts it.",
        [
            ("volume_id", "str", "The ID of the volume."),
            ("mount_path", "str", "The absolute path of the directory."),
        ],
    ),
    "PodLimits": (
        "The limits of a pod's time and cost. A pod that reaches one is stopped or deleted within five seconds.",
        [
            ("stop_after", "int?", "The seconds after the start at which the pod is stopped; None for no limit."),
            ("delete_after", "int?", "The seconds after the start at which the pod is deleted; None for no limit."),
            ("max_cost", "amount?", "The cost at which the pod is stopped; None for no limit."),
        ],
    ),
    "Creator": (
        "The user and the token that created a pod or a volume.",
        [
            ("user_id", "str", "The ID of the user."),
            ("email", "str?", "The user's email address; None if the user no longer exists."),
            ("token_id", "str?", "The ID of the token; None if the user created it in the dashboard."),
        ],
    ),
    "Pod": (
        "A pod: a container, with or without GPUs, in a project.",
        [
            ("id", "str", "The ID: `pod_` and 20 base62 characters."),
            ("name", "str", "The name, which is unique in the project."),
            ("project_id", "str", "The ID of the project."),
            ("image", "str", "The image, such as `ubuntu:24.04`."),
            ("gpu_type", "str?", "The type of the GPUs, such as `A100`; None for a pod without GPUs."),
            ("gpu_count", "int", "The number of GPUs; 0 for a pod without GPUs."),
            ("cpu", "float", "The number of CPU cores."),
            ("memory", "int", "The memory in gibibytes."),
            ("disk", "int", "The disk in gibibytes."),
            ("ports", "PodPort*", "The ports that the pod publishes."),
            ("env", "strings", "The names of the environment variables. The API never returns their values."),
            ("command", "str?", "The command line; None for the image's own."),
            ("volumes", "VolumeMount*", "The volumes that the pod mounts."),
            ("labels", "texts", "The labels."),
            ("status", "str", "The state: `creating`, `pending`, `running`, `stopping`, `stopped`, `failed` or `terminated`."),
            ("status_reason", "str?", "The reason for the state, such as why the image could not be pulled."),
            ("node", "str?", "The machine that the pod runs on; None before it is chosen."),
            ("created_at", "time", "The time of creation."),
            ("started_at", "time?", "The time of the latest start; None if the pod has never run."),
            ("finished_at", "time?", "The time at which the latest run ended; None while the pod runs."),
            ("exit_code", "int?", "The exit code of the latest run; None while the pod runs."),
            ("price_per_hour", "amount", "The price of an hour in which the pod runs."),
            ("cost", "amount", "The cost so far."),
            ("limits", "PodLimits", "The limits of the pod's time and cost."),
            ("token_scopes", "strings?", "The scopes of the pod's own token; None if it has none."),
            ("created_by", "Creator", "The user and the token that created the pod."),
            ("stale", "bool", "Whether the engine is unreachable, so that the state may be older."),
        ],
    ),
    "PodEvent": (
        "An event of a pod, such as its start or the limit that stopped it.",
        [
            ("timestamp", "time", "The time of the event."),
            ("type", "str", "The kind of event."),
            ("message", "str", "The event in one sentence."),
        ],
    ),
    "PodMetrics": (
        "The latest measurement of a pod that runs.",
        [
            ("timestamp", "time", "The time of the measurement."),
            ("gpu_utilization", "float?", "The use of the GPUs in percent, 0 to 100; None if the engine does not measure it."),
            ("gpu_memory_used", "int?", "The used memory of all GPUs in bytes; None if the engine does not measure it."),
            ("gpu_memory_total", "int?", "The memory of all GPUs in bytes; None if the engine does not measure it."),
            ("cpu_usage", "float", "The use of the CPU in percent of one core: 250 for two and a half cores."),
            ("memory_used", "int", "The used memory in bytes."),
            ("memory_total", "int", "The memory that the pod may use in bytes."),
        ],
    ),
    "PodExecResult": (
        "The result of a command in a pod.",
        [
            ("exit_code", "int", "The exit code of the command."),
            ("stdout", "str", "The output of the command, also named `output`."),
            ("stderr", "str", "The error output of the command, also named `error`."),
            ("truncated", "bool", "Whether output beyond the limit of 1 MiB was dropped."),
        ],
    ),
    "GPU": (
        "A type of GPU with its availability and price.",
        [
            ("type", "str", "The type, such as `A100`."),
            ("memory", "int?", "The memory of one GPU in gigabytes; None if it is not known."),
            ("total", "int", "The number of GPUs of this type."),
            ("available", "int", "The number of GPUs that no pod uses."),
            ("price_per_hour", "amount", "The price of one GPU for an hour."),
        ],
    ),
    "Volume": (
        "A volume: a directory of a project that outlives the pods that mount it.",
        [
            ("id", "str", "The ID: `vol_` and 20 base62 characters."),
            ("name", "str", "The name, which is unique in the project."),
            ("project_id", "str", "The ID of the project."),
            ("created_at", "time", "The time of creation."),
            ("created_by", "Creator", "The user and the token that created the volume."),
            ("pod_ids", "strings", "The IDs of the pods that mount the volume."),
        ],
    ),
    "Wallet": (
        "The prepaid balance of an account.",
        [
            ("balance", "amount", "The amount that is left; negative if pods cost more than was credited."),
            ("credited", "amount", "The sum of all credits."),
            ("spent", "amount", "The cost of all pods so far."),
            ("spent_this_month", "amount", "The cost of this calendar month, in UTC."),
        ],
    ),
    "UsageRow": (
        "The use of one day, token, project or pod.",
        [
            ("key", "str", "The day as `2026-11-28` (UTC), or the ID of the token, project or pod."),
            ("name", "str?", "The name of the token, project or pod; None for a day, or if it no longer exists."),
            ("seconds", "int", "The seconds for which pods ran."),
            ("gpu_seconds", "int", "The seconds for which pods ran, times their GPUs."),
            ("cost", "amount", "The cost."),
        ],
    ),
    "Usage": (
        "What pods cost in a period, grouped.",
        [
            ("from", "time", "The beginning of the period."),
            ("to", "time", "The end of the period, which is not part of it."),
            ("group_by", "str", "The kind of group: `day`, `token`, `project` or `pod`."),
            ("usage", "UsageRow*", "The groups; days in order, others by falling cost."),
            ("total_cost", "amount", "The cost of all groups."),
        ],
    ),
}

# Further names of fields, by class: those of the documentation.
ALIASES = {
    "PodExecResult": [
        ("output", "stdout", "str", "The output of the command, also named `stdout`."),
        ("error", "stderr", "str", "The error output of the command, also named `stderr`."),
    ],
}

HEADER = '''"""The models of the API: frozen, typed objects that never contain a secret in their text.

Times are `datetime` in UTC, and amounts of money `Decimal`. This file is written by tools/generate_models.py.
"""

from __future__ import annotations

from datetime import datetime
from decimal import Decimal
from typing import Any, Mapping, Sequence

from ._model import Model, as_amount, as_number, as_text, as_time

__all__ = [
NAMES]
'''

TYPES = {
    "str": "str", "int": "int", "bool": "bool", "float": "float", "time": "datetime", "amount": "Decimal",
    "strings": "tuple[str, ...]", "texts": "dict[str, str]", "object": "dict[str, Any]",
}


def attribute(name):
    """Returns the name of the attribute for a field: a keyword of Python gets an underscore."""
    return name + "_" if keyword.iskeyword(name) else name


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
    name, is_optional, is_many = split(kind)
    text = python_type(kind)
    if name == "strings":
        text = "Sequence[str]" + (" | None" if is_optional else "")
    if name == "texts":
        text = "Mapping[str, str]"
    if name == "amount":
        text = "Decimal | float" + (" | None" if is_optional else "")
    if is_many:
        text = f"Sequence[{name}]"
    return text


def to_values(name, kind):
    """Returns the expression that turns an argument into the JSON value."""
    base, is_optional, is_many = split(kind)
    name = attribute(name)
    if base == "time":
        return f"as_text({name})"
    if base == "amount":
        return f"as_number({name})"
    if base == "texts":
        return f"dict({name})"
    if base == "strings":
        return f"None if {name} is None else list({name})" if is_optional else f"list({name})"
    if base == "object":
        return f"dict({name} or {{}})"
    if base in MODELS:
        if is_many:
            return f"[item._values for item in {name}]"
        return f"None if {name} is None else {name}._values" if is_optional else f"{name}._values"
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
    if base == "amount":
        if is_optional:
            return [f"number = {get}", "return None if number is None else as_amount(number)"]
        return [f"return as_amount({get})"]
    if base == "float":
        if is_optional:
            return [f"number = {get}", "return None if number is None else float(number)"]
        return [f"return float({get})"]
    if base == "texts":
        return [f"return dict({get})"]
    if base == "strings":
        if is_optional:
            return [f"texts = {get}", "return None if texts is None else tuple(texts)"]
        return [f"return tuple({get})"]
    if base == "object":
        return [f'return dict(self._values.get("{name}") or {{}})']
    if base in MODELS:
        if is_many:
            return [f"return tuple({base}._from(item) for item in {get})"]
        if not is_optional:
            return [f"return {base}._from({get})"]
        return [f"values = {get}", f"return None if values is None else {base}._from(values)"]
    return [f"value: {python_type(kind)} = {get}", "return value"]


def render():
    names = "".join(f'    "{name}",\n' for name in sorted(MODELS))
    text = HEADER.replace("NAMES", names)
    for name, (summary, fields) in MODELS.items():
        text += f'\n\nclass {name}(Model):\n    """{summary}\n\n    Args:\n'
        for field, kind, description in fields:
            text += f"        {attribute(field)}: {description}\n"
        text += '    """\n\n    __slots__ = ()\n'
        text += "    _fields = (" + ", ".join(f'"{field}"' for field, _, _ in fields) + ",)\n\n"
        text += "    def __init__(\n        self,\n        *,\n"
        required = [field for field in fields if not field[1].endswith("?") and field[1] != "object"]
        others = [field for field in fields if field not in required]
        for field, kind, _ in required:
            text += f"        {attribute(field)}: {parameter_type(kind)},\n"
        for field, kind, _ in others:
            shown = "dict[str, Any] | None" if kind == "object" else parameter_type(kind)
            text += f"        {attribute(field)}: {shown} = None,\n"
        text += "    ) -> None:\n        self._init(\n            {\n"
        for field, kind, _ in fields:
            text += f'                "{field}": {to_values(field, kind)},\n'
        text += "            }\n        )\n"
        for field, kind, description in fields:
            text += f'\n    @property\n    def {attribute(field)}(self) -> {python_type(kind)}:\n        """{description}"""\n'
            for line in from_values(field, kind):
                text += f"        {line}\n"
        for alias, field, kind, description in ALIASES.get(name, []):
            text += f'\n    @property\n    def {alias}(self) -> {python_type(kind)}:\n        """{description}"""\n'
            text += f"        return self.{field}\n"
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
