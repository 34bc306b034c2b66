"""Every block of the page, as printed, against a real service.

authentication.md is a copy of the page, whose hash is below: the blocks come from the page itself.
"""

import hashlib
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from conftest import command

PAGE = Path(__file__).resolve().parent / "authentication.md"
HASH = "ad8d2a16eb1a80ab0abeb18a6c027d0007cd50853073fa6ce6df65a19d0a5c7b"
TEXT = PAGE.read_text()
BLOCKS = re.findall(r"^```(\w*)\n(.*?)^```", TEXT, re.MULTILINE | re.DOTALL)
PYTHON = [text for language, text in BLOCKS if language == "python"]

# Runs a block as a program of its own, and then prints what its `client` uses.
DRIVER = """
import json, runpy, sys
names = runpy.run_path(sys.argv[1], run_name="__main__")
client = names["client"]
settings = client.configuration
print(json.dumps({
    "token": settings.api_token.value.reveal(), "token_source": settings.api_token.source,
    "project": settings.project_id and settings.project_id.value,
    "project_source": settings.project_id and settings.project_id.source,
    "endpoint": settings.api_endpoint.value, "profile": settings.profile and settings.profile.value,
    "email": client.auth.whoami().email if len(sys.argv) > 2 else None,
}))
"""


# A text of each block, by which the tests name it.
MARKS = {
    "environment": "client = Client()  # Automatically reads PODSTACK_API_TOKEN",
    "direct": 'client = Client(api_token="your_api_token_here")',
    "profiles": "# Use default profile",
    "project": "# Set project during initialization",
    "endpoint": 'api_endpoint="https://api.custom.podstack.ai"',
    "verify": "# Check if authenticated",
    "dotenv": "from dotenv import load_dotenv",
    "invalid": "podstack.exceptions.AuthenticationError: Invalid API token",
    "missing": "podstack.exceptions.AuthenticationError: No API token provided",
    "denied": "podstack.exceptions.PermissionError: Access denied to resource",
}


def block(name):
    found = [text for text in PYTHON if MARKS[name] in text]
    assert len(found) == 1, f"{name} is in {len(found)} blocks"
    return found[0]


def program(folder, text):
    path = folder / "block.py"
    path.write_text(text)
    return path


def run(folder, text, *words, check=True, **variables):
    driver = folder / "driver.py"
    driver.write_text(DRIVER)
    result = subprocess.run(
        [sys.executable, driver, program(folder, text), *words], cwd=folder, env={**os.environ, **variables},
        capture_output=True, text=True)
    if not check:
        return result
    assert result.returncode == 0, result.stderr
    import json

    return json.loads(result.stdout.splitlines()[-1])


def test_the_page_is_unchanged():
    assert hashlib.sha256(PAGE.read_bytes()).hexdigest() == HASH
    assert len(PYTHON) == 10


def test_every_block_has_a_name():
    assert sorted(block(name) for name in MARKS) == sorted(PYTHON)


def test_the_environment_variable(signed_in, tmp_path):
    found = run(tmp_path, block("environment"), "call")
    assert found["token"] == signed_in.token
    assert found["token_source"] == ["environment", "PODSTACK_API_TOKEN"]
    assert found["email"] == signed_in.email


def test_the_bash_block_sets_the_variable(server, tmp_path):
    lines = [text for language, text in BLOCKS if language == "bash" and "Linux/macOS" in text][0].splitlines()
    export = lines[1]
    assert export == "export PODSTACK_API_TOKEN=your_api_token_here"
    script = export.replace("your_api_token_here", server.token) + '\nexec "$@"\n'
    path = program(tmp_path, block("environment") + "print(client.auth.whoami().email)\n")
    result = subprocess.run(
        ["bash", "-c", script, "bash", sys.executable, path], capture_output=True, text=True,
        env={**os.environ, "PODSTACK_API_ENDPOINT": server.url})
    assert result.stdout == "you@example.com\n", result.stderr


def test_the_direct_token_of_the_page_is_a_placeholder(server, tmp_path):
    # As printed, the token is the documentation's placeholder, which no client sends.
    result = run(tmp_path, block("direct"), check=False)
    assert result.returncode == 1
    assert result.stderr.splitlines()[-1] == "podstack.exceptions.AuthenticationError: Invalid API token"
    # With a real token in its place, it works.
    text = block("direct").replace("your_api_token_here", server.token)
    found = run(tmp_path, text, "call", PODSTACK_API_ENDPOINT=server.url)
    assert found["token"] == server.token
    assert found["token_source"] == ["argument", "api_token="]
    assert found["email"] == server.email


def test_the_credentials_file(server, tmp_path, environment):
    ini = [text for language, text in BLOCKS if language == "ini"][0]
    folder = environment / ".podstack"
    folder.mkdir(mode=0o700)
    path = folder / "credentials"
    text = block("profiles")

    def write(content):
        path.write_text(content)
        path.chmod(0o600)

    # As printed, the default profile has the placeholder, and the other one has a token.
    write(ini)
    result = run(tmp_path, text, check=False)
    assert result.stderr.splitlines()[-1] == "podstack.exceptions.AuthenticationError: Invalid API token"
    found = run(tmp_path, 'from podstack import Client\nclient = Client(profile="production")\n')
    assert found["token"] == "production_token_here"
    assert found["token_source"] == ["profile", f"{path}:5 [production]"]
    # With real tokens, the whole block works, and its last client uses the named profile.
    other = server.create_token("production")
    write(ini.replace("your_api_token_here", server.token).replace("production_token_here", other))
    found = run(tmp_path, text, "call", PODSTACK_API_ENDPOINT=server.url)
    assert (found["token"], found["profile"], found["email"]) == (other, "production", server.email)
    found = run(tmp_path, block("environment"), "call", PODSTACK_API_ENDPOINT=server.url)
    assert (found["token"], found["profile"]) == (server.token, "default")


def test_the_project(signed_in, tmp_path):
    text = block("project")
    found = run(tmp_path, text)
    assert (found["project"], found["project_source"]) == ("my-project-id", ["argument", "project_id="])
    export = re.search(r"# (export PODSTACK_PROJECT=\S+)", text).group(1)
    name, value = export.split()[1].split("=")
    found = run(tmp_path, block("environment"), **{name: value})
    assert (found["project"], found["project_source"]) == ("my-project-id", ["environment", "PODSTACK_PROJECT"])


def test_the_endpoint(server, tmp_path):
    text = block("endpoint")
    found = run(tmp_path, text)
    assert (found["token"], found["endpoint"]) == ("your_token", "https://api.custom.podstack.ai")
    text = text.replace("https://api.custom.podstack.ai", server.url).replace("your_token", server.token)
    assert run(tmp_path, text, "call")["email"] == server.email


def test_verify_authentication(signed_in, tmp_path):
    path = program(tmp_path, block("verify"))
    result = subprocess.run([sys.executable, path], capture_output=True, text=True)
    assert (result.stdout, result.stderr) == ("Authenticated as: you@example.com\n", "")
    wrong = {**os.environ, "PODSTACK_API_TOKEN": "a_wrong_token"}
    result = subprocess.run([sys.executable, path], capture_output=True, text=True, env=wrong)
    assert (result.stdout, result.stderr) == ("Authentication failed: Invalid API token\n", "")


def test_dot_env_files_with_python_dotenv(server, tmp_path):
    install = [text for language, text in BLOCKS if language == "bash" and "pip install" in text][0]
    assert install == "pip install python-dotenv\n"
    # In the environment that runs the tests, as a user would.
    path = os.pathsep.join([str(Path(command("pip")).parent), os.environ["PATH"]])
    result = subprocess.run(["bash", "-c", install], capture_output=True, text=True, env={**os.environ, "PATH": path})
    assert result.returncode == 0, result.stderr
    content = [text for language, text in BLOCKS if "PODSTACK_PROJECT=your_project_id" in text][0]
    text = block("dotenv")
    dot_env = tmp_path / ".env"
    # As printed.
    dot_env.write_text(content)
    found = run(tmp_path, text)
    assert (found["token"], found["project"]) == ("your_token_here", "your_project_id")
    # With a real token.
    dot_env.write_text(content.replace("your_token_here", server.token).replace("PODSTACK_PROJECT=your_project_id", ""))
    found = run(tmp_path, text, "call", PODSTACK_API_ENDPOINT=server.url)
    assert (found["token"], found["email"]) == (server.token, server.email)
    # Our own loader has the same effect.
    ours = text.replace("from dotenv import load_dotenv\nfrom podstack import Client", "from podstack import Client, load_dotenv")
    assert ours != text
    found = run(tmp_path, ours, "call", PODSTACK_API_ENDPOINT=server.url)
    assert found["token"] == server.token
    assert found["token_source"] == ["dotenv", f"PODSTACK_API_TOKEN of {dot_env}:1"]


TRACEBACKS = [
    ("invalid", "client.auth.whoami()", {"PODSTACK_API_TOKEN": "wrong"}),
    ("missing", "", {}),
    (
        "denied",
        "client.projects.create('a project')",
        {"PODSTACK_API_TOKEN": "READ ONLY"},
    ),
]


@pytest.mark.parametrize("name, call, variables", TRACEBACKS)
def test_the_tracebacks_end_with_the_lines_of_the_page(server, run_program, name, call, variables):
    line = block(name).rstrip("\n")
    assert line == MARKS[name]
    variables = dict(variables)
    if variables.get("PODSTACK_API_TOKEN") == "READ ONLY":
        variables["PODSTACK_API_TOKEN"] = server.create_token("read", "--scope", "projects:read")
    result = run_program(
        f"from podstack import Client\nclient = Client()\n{call}\n", check=False, PODSTACK_API_ENDPOINT=server.url,
        **variables)
    assert result.returncode == 1
    assert result.stderr.startswith("Traceback (most recent call last):")
    assert result.stderr.splitlines()[-1] == line
    assert variables.get("PODSTACK_API_TOKEN", "-----") not in result.stderr
