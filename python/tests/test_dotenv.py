"""Our own loader of `.env` files."""

import os
import random
from importlib.metadata import version

import dotenv
import pytest

import podstack
from podstack import Client, exceptions, load_dotenv, parse_dotenv, read_dotenv


@pytest.fixture
def folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    return tmp_path


def write(folder, text):
    path = folder / ".env"
    path.write_text(text)
    return path


def test_load_sets_the_variables(folder, monkeypatch):
    monkeypatch.setenv("KEPT_BY_TEST", "before")
    for name in ("NEW_IN_TEST", "EMPTY_IN_TEST"):
        monkeypatch.delenv(name, raising=False)
    path = write(folder, "NEW_IN_TEST=new\nKEPT_BY_TEST=file\nEMPTY_IN_TEST=\nBARE\nnot a line!\n")
    events = []
    try:
        file = load_dotenv(on_event=events.append)
        assert file.path == str(path) and dict(file) == {
            "NEW_IN_TEST": "new", "KEPT_BY_TEST": "file", "EMPTY_IN_TEST": "", "BARE": None}
        assert (os.environ["NEW_IN_TEST"], os.environ["KEPT_BY_TEST"], os.environ["EMPTY_IN_TEST"]) == ("new", "before", "")
        assert "BARE" not in os.environ
        assert [event.message for event in events] == [f"{path}:5: expected NAME=value; the line was skipped"]
        assert "new" not in repr(file)
        load_dotenv(override=True)
        assert os.environ["KEPT_BY_TEST"] == "file"
    finally:
        for name in ("NEW_IN_TEST", "EMPTY_IN_TEST"):
            os.environ.pop(name, None)


def test_no_file(folder):
    (folder / ".git").mkdir()
    assert load_dotenv() is None
    with pytest.raises(exceptions.ConfigurationError, match="does not exist"):
        load_dotenv(folder / "gone.env")


def test_an_endpoint_next_to_a_foreign_token_is_refused(folder, run_program):
    write(folder, "PODSTACK_API_ENDPOINT=https://evil.example\nPODSTACK_API_TOKEN=${SECRET_OF_TEST}\n")
    program = (
        "from podstack import Client, load_dotenv\n"
        "load_dotenv({arguments})\n"
        "print(Client().configuration.api_endpoint.value)\n")
    result = run_program(program.format(arguments=""), check=False, SECRET_OF_TEST="foreign-token")
    assert result.stderr.splitlines()[-1].startswith("podstack.exceptions.ConfigurationError: ")
    assert "evil.example" not in result.stdout and "foreign-token" not in result.stderr
    assert "trust=True" in program.format(arguments="trust=True")
    result = run_program(program.format(arguments="trust=True"), SECRET_OF_TEST="foreign-token")
    assert result.stdout == "https://evil.example\n"


def test_the_hint_has_the_spelling_of_python(folder, run_program):
    write(folder, "PODSTACK_API_ENDPOINT=https://evil.example\n")
    result = run_program(
        "from podstack import Client, PodstackError, load_dotenv\nload_dotenv()\n"
        "try:\n    Client('a-token')\nexcept PodstackError as error:\n    print(error.hint)\n")
    assert "api_endpoint=" in result.stdout and "trust=True" in result.stdout


def test_parse_and_read(folder):
    assert dict(parse_dotenv("A=1\nB=${A}2\nC='x y'", environment={})) == {"A": "1", "B": "12", "C": "x y"}
    assert parse_dotenv("A=${HOST}", environment={"HOST": "h"})["A"] == "h"
    path = write(folder, "A=1\n")
    assert read_dotenv(path)["A"] == "1"
    path.write_bytes(b"A=\xff")
    with pytest.raises(exceptions.ConfigurationError, match="offset 2"):
        read_dotenv(path)


@pytest.mark.skipif(
    version("python-dotenv") != "1.2.4", reason="the grammar is that of python-dotenv 1.2.4, which needs a newer Python")
def test_random_files_are_read_as_python_dotenv_reads_them(folder):
    generator = random.Random(15)
    pieces = ["A", "B", "=", "'", '"', " ", "\t", "#", "\\", "\\n", "${A}", "${C:-d}", "$A", "export ", "\n", "\n", "x", "é"]
    path = folder / "random.env"
    for _ in range(1000):
        text = "".join(generator.choice(pieces) for _ in range(generator.randrange(30)))
        path.write_text(text)
        expected = dict(dotenv.dotenv_values(path, interpolate=True))
        assert dict(read_dotenv(path)) == expected, text


def test_the_credentials_file(folder):
    path = folder / "credentials"
    file = podstack.CredentialsFile(path)
    assert file.profile_names == []
    file.set("default", "api_token", podstack.APIToken("one"))
    file.set("work", "project_id", "prj_1")
    file.save()
    assert path.stat().st_mode & 0o777 == 0o600
    again = podstack.CredentialsFile(path)
    assert again.profile_names == ["default", "work"]
    assert again.value("default", "api_token") == podstack.APIToken("one")
    assert again.value("work", "project_id") == "prj_1"
    assert again.value("gone", "api_token") is None
    again.remove("work")
    again.remove("default", "api_token")
    again.set("default", "project_id", "prj_2")
    again.save()
    assert path.read_text().split("\n") == ["[default]", "project_id = prj_2", "", ""]
    with pytest.raises(exceptions.ConfigurationError):
        again.set("default", "nonsense", "x")
        again.save()
    assert podstack.CredentialsFile().path == os.environ["HOME"] + "/.podstack/credentials"
