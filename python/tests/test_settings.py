"""The settings model of the Swift tests, through Python."""

import json
import os
import shutil
import subprocess
from pathlib import Path

import pytest

from podstack import Client, Configuration, PodstackError

HERE = Path(__file__).resolve().parent
REPOSITORY = HERE.parent.parent
SOURCES = [
    HERE / "settings-cases/main.swift",
    REPOSITORY / "Tests/PodstackTests/Configuration/SettingsModel.swift",
    REPOSITORY / "Tests/PodstackTests/Configuration/SettingsWorlds.swift",
    REPOSITORY / "Sources/PodstackTestSupport/TestSeed.swift",
]


@pytest.fixture(scope="module")
def cases(tmp_path_factory):
    """Returns 10,000 random cases of the Swift model, and their expected settings."""
    given = os.environ.get("PODSTACK_TEST_SETTINGS_CASES")
    if given:
        lines = Path(given).read_text().splitlines()
    else:
        swiftc = shutil.which("swiftc")
        if swiftc is None:
            pytest.skip("swiftc is not in PATH, and PODSTACK_TEST_SETTINGS_CASES is not set: scripts/python sets it")
        program = tmp_path_factory.mktemp("cases") / "cases"
        subprocess.run(
            [swiftc, "-package-name", "cases", "-o", program, *SOURCES], check=True, capture_output=True, text=True)
        lines = subprocess.run([program, "10000"], check=True, capture_output=True, text=True).stdout.splitlines()
    print(lines[0])
    return [json.loads(line) for line in lines if line.startswith("{")]


def variables_of(case, folder):
    """Writes the files of a case, and returns its variables."""
    variables = dict(case["variables"])
    variables["PODSTACK_CREDENTIALS_FILE"] = str(folder / "gone")
    if case["profiles"] is not None:
        text = "".join(
            f"[{name}]\n" + "".join(f"{key} = {value}\n" for key, value in values.items())
            for name, values in case["profiles"].items())
        if case["is_file_broken"]:
            text += "this is no line of a credentials file\n"
        path = folder / "credentials"
        path.write_bytes(text.encode())
        path.chmod(0o600)
        variables["PODSTACK_CREDENTIALS_FILE"] = str(path)
    if "PODSTACK_API_TOKEN_FILE" in variables:
        variables["PODSTACK_API_TOKEN_FILE"] = str(folder / "gone")
        if case["token_file"] is not None:
            path = folder / "token"
            path.write_bytes(case["token_file"].encode())
            variables["PODSTACK_API_TOKEN_FILE"] = str(path)
    return variables


def found_by(configuration):
    if configuration.token_error is not None or configuration.api_token is None:
        return None
    project = configuration.project_id
    return {
        "token": configuration.api_token.value.reveal(),
        "token_kind": configuration.api_token.source.kind,
        "project": project.value if project else None,
        "project_kind": project.source.kind if project else None,
        "endpoint": configuration.api_endpoint.value,
        "endpoint_kind": configuration.api_endpoint.source.kind,
    }


def test_10_000_random_cases_resolve_as_the_swift_model_says(cases, tmp_path):
    resolved = 0
    for case in cases:
        arguments = {name: case[name] for name in ("api_token", "profile", "project_id", "api_endpoint")}
        variables = variables_of(case, tmp_path)
        try:
            found = found_by(Configuration.resolve(**arguments, environment=variables))
        except PodstackError:
            found = None
        assert found == case["expected"], case
        try:
            with Client(**arguments, environment=variables) as client:
                found = found_by(client.configuration)
        except PodstackError:
            found = None
        assert found == case["expected"], case
        resolved += found is not None
    assert len(cases) == 10_000
    assert resolved > 1_600


def test_the_process_environment_gives_the_same_answers(cases, tmp_path, monkeypatch):
    names = ("PODSTACK_API_TOKEN", "PODSTACK_API_TOKEN_FILE", "PODSTACK_PROJECT", "PODSTACK_API_ENDPOINT", "PODSTACK_PROFILE")
    for case in cases[:500]:
        variables = variables_of(case, tmp_path)
        for name in (*names, "PODSTACK_CREDENTIALS_FILE"):
            if name in variables:
                monkeypatch.setenv(name, variables[name])
            else:
                monkeypatch.delenv(name, raising=False)
        arguments = {name: case[name] for name in ("api_token", "profile", "project_id", "api_endpoint")}
        try:
            found = found_by(Client(**arguments).configuration)
        except PodstackError:
            found = None
        assert found == case["expected"], case
