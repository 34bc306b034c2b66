"""Generates a client from the OpenAPI document of a service with openapi-python-client, and signs in, creates, lists and revokes a
token with it. Prints each step as a line of JSON.

Usage: generated_client.py FOLDER URL, with the token in PODSTACK_API_TOKEN. The client is generated in the folder.
"""
import json
import os
import pathlib
import subprocess
import sys

import httpx


def report(step, **values):
    print(json.dumps({"step": step, **values}), flush=True)


def generate(folder, url):
    document = pathlib.Path(folder, "openapi.json")
    document.write_bytes(httpx.get(url + "/openapi.json", timeout=60).content)
    settings = pathlib.Path(folder, "config.yml")
    # Without ruff, which would only format the client.
    # A tar archive is bytes to it.
    settings.write_text("post_hooks: []\ncontent_type_overrides:\n  application/x-tar: application/octet-stream\n")
    run = subprocess.run(
        [sys.executable, "-m", "openapi_python_client", "generate", "--path", document, "--config", settings,
         "--output-path", pathlib.Path(folder, "podstack_client"), "--meta", "none", "--fail-on-warning"],
        capture_output=True, text=True, env={"LANG": "C.UTF-8", "NO_COLOR": "1", "COLUMNS": "200"})
    packages = sorted(path.name for path in pathlib.Path(folder, "podstack_client/api").iterdir() if path.is_dir())
    report("generated", status=run.returncode, output=run.stdout + run.stderr, packages=packages)
    sys.path.insert(0, folder)


def use(url, token):
    from podstack_client import AuthenticatedClient
    from podstack_client.api.auth import check_permission, whoami
    from podstack_client.api.tokens import create_token, get_token, list_tokens, revoke_token
    from podstack_client.models import CheckPermissionScope, Error, NewToken

    client = AuthenticatedClient(base_url=url, token=token, raise_on_unexpected_status=True)
    user = whoami.sync(client=client)
    report("whoami", email=user.email, name=user.token.name)
    report("can", allowed=check_permission.sync(client=client, scope=CheckPermissionScope("pods:create")).allowed)

    created = create_token.sync(
        client=client, body=NewToken.from_dict({"name": "generated", "expires_in_days": 7, "scopes": ["pods:read"]}))
    report("created", email=whoami.sync(client=client.__class__(base_url=url, token=created.token)).email,
           scopes=[getattr(scope, "value", scope) for scope in created.scopes])
    # The newest first, one on each page.
    page = list_tokens.sync(client=client, limit=1)
    names = [item.name for item in page.tokens]
    page = list_tokens.sync(client=client, limit=1, cursor=page.next_cursor)
    report("listed", names=names + [item.name for item in page.tokens])

    reader = AuthenticatedClient(base_url=url, token=created.token)
    refused = create_token.sync_detailed(client=reader, body=NewToken(name="more"))
    assert isinstance(refused.parsed, Error)
    report("refused", status=refused.status_code, code=refused.parsed.error.code)

    revoked = revoke_token.sync_detailed(client=client, id=created.id)
    report("revoked", status=revoked.status_code, state=get_token.sync(client=client, id=created.id).status,
           after=whoami.sync(client=reader).error.code)


generate(sys.argv[1], sys.argv[2])
use(sys.argv[2], os.environ["PODSTACK_API_TOKEN"])
