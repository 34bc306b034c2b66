"""Type checkers, stubs, the reference, and the examples in docstrings."""

import doctest
import importlib
import os
import pkgutil
import subprocess
import sys
from pathlib import Path

import pytest

import podstack
from conftest import command

HERE = Path(__file__).resolve().parent

needs_new = pytest.mark.skipif(sys.version_info < (3, 11), reason="the tools need a newer Python")


def run(*words, **options):
    result = subprocess.run([str(word) for word in words], capture_output=True, text=True, **options)
    assert result.returncode == 0, result.stdout + result.stderr
    return result


@pytest.fixture
def program(tmp_path):
    """Copies the program to a folder without a configuration, as a user's program would be."""
    path = tmp_path / "typed_program.py"
    path.write_text((HERE / "typed_program.py").read_text())
    return path


@needs_new
def test_mypy_strict(program):
    run(sys.executable, "-m", "mypy", "--strict", program, cwd=program.parent)
    # And it finds a mistake.
    wrong = program.with_name("wrong.py")
    wrong.write_text("import podstack\nemail: int = podstack.Client().auth.whoami().email\npodstack.nothing\n")
    result = subprocess.run([sys.executable, "-m", "mypy", "--strict", wrong], capture_output=True, text=True, cwd=program.parent)
    assert "[assignment]" in result.stdout and "[attr-defined]" in result.stdout


@needs_new
def test_mypy_strict_accepts_the_package():
    run(sys.executable, "-m", "mypy", "--strict", "-p", "podstack", cwd=HERE)


@needs_new
def test_pyright(program):
    pyright = command("basedpyright")
    (program.parent / "pyrightconfig.json").write_text('{"typeCheckingMode": "strict", "include": ["."]}')
    run(pyright, "--pythonpath", sys.executable, "-p", program.parent, cwd=program.parent)


@needs_new
def test_stubtest():
    run(sys.executable, "-m", "mypy.stubtest", "podstack", cwd=HERE)


@needs_new
def test_pdoc_has_no_warnings(tmp_path):
    result = run(
        sys.executable, "-W", "error", "-m", "pdoc", "--docformat", "google", "-o", tmp_path / "reference", "podstack")
    assert "Warn" not in result.stderr and "error" not in result.stderr.lower()
    page = (tmp_path / "reference/podstack.html").read_text()
    assert "AsyncClient" in page


def test_every_public_name_has_a_docstring():
    for name in podstack.__all__:
        value = getattr(podstack, name)
        assert value.__doc__, name
        for attribute, member in vars(value).items():
            if not attribute.startswith("_") and (callable(member) or isinstance(member, property)):
                assert member.__doc__, f"{name}.{attribute}"


def test_the_examples_in_docstrings(monkeypatch):
    monkeypatch.setenv("PODSTACK_API_TOKEN", "x")
    count = 0
    for module in pkgutil.iter_modules(podstack.__path__):
        if module.name == "__main__":
            continue
        result = doctest.testmod(importlib.import_module(f"podstack.{module.name}"))
        assert result.failed == 0, module.name
        count += result.attempted
    assert count >= 5
