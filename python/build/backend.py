"""Builds the wheel: compiles the Swift library, and packs it with the package. Needs Swift, and nothing from PyPI.

The wheel is the same for the same sources: its files are sorted and have fixed times. `scripts/python` then bundles the C
libraries that it needs.
"""

import base64
import hashlib
import json
import os
import re
import shutil
import subprocess
import sys
import sysconfig
import tarfile
import zipfile
from pathlib import Path

PYTHON = Path(__file__).resolve().parent.parent
REPOSITORY = PYTHON.parent
# Not named *.so: that would be a module.
LIBRARY = "libPodstackC.so.1"


def _project():
    """Returns the name, the version and the description of pyproject.toml, which Python 3.9 cannot parse by itself."""
    text = (PYTHON / "pyproject.toml").read_text()

    def value(key):
        return re.search(rf'^{key} = "(.*)"$', text, re.MULTILINE).group(1)

    classifiers = re.search(r"^classifiers = \[\n(.*?)^\]", text, re.MULTILINE | re.DOTALL).group(1)
    return {
        "name": value("name"),
        "version": value("version"),
        "description": value("description"),
        "python": value("requires-python"),
        "classifiers": re.findall(r'"(.*)"', classifiers),
        "script": value("podstack"),
    }


def _metadata(project):
    lines = [
        "Metadata-Version: 2.1",
        f"Name: {project['name']}",
        f"Version: {project['version']}",
        f"Summary: {project['description']}",
        "License: MIT",
        f"Requires-Python: {project['python']}",
        *(f"Classifier: {classifier}" for classifier in project["classifiers"]),
        "Description-Content-Type: text/markdown",
        "",
        (PYTHON / "README.md").read_text(),
    ]
    return "\n".join(lines)


def _library():
    """Compiles the library, and returns its path."""
    given = os.environ.get("PODSTACK_BUILT_LIBRARY")
    if given:
        return Path(given)
    if shutil.which("swift") is None:
        sys.exit("error: building podstack needs Swift 6.2 or newer; install the wheel instead: pip install podstack")
    folder = REPOSITORY / ".build/python"
    build = ["swift", "build", "--package-path", str(REPOSITORY), "--scratch-path", str(folder), "-c", "release", "--product", "PodstackC"]
    subprocess.run(build, check=True, stdout=sys.stderr)
    products = Path(_output(*build, "--show-bin-path").strip())
    information = json.loads(_output("swiftc", "-static-stdlib", "-print-target-info"))
    libraries = _output("pkg-config", "--libs", "libcurl", "libsodium").split()
    # The object files themselves and not their archive: the driver hides the symbols of archives.
    objects = [
        str(products / f"{module}.build" / f"{source.name}.o")
        for module in _modules()
        for source in sorted((REPOSITORY / "Sources" / module).rglob("*.swift"))
    ]
    # With the Swift runtime in it, and without symbols other than the interface's.
    link = [
        "swiftc", "-emit-library", "-static-stdlib", "-use-ld=lld", "-o", str(folder / LIBRARY),
        "-L", information["paths"]["runtimeLibraryPaths"][0], *objects,
        "-Xlinker", f"--version-script={REPOSITORY}/Sources/PodstackC/exports.map", "-Xlinker", "--gc-sections", "-Xlinker", "-s",
        "-Xlinker", "-Bsymbolic", "-Xlinker", "-z", "-Xlinker", "now", "-Xlinker", f"-soname={LIBRARY}", "-Xlinker", "-z", "-Xlinker", "defs",
        # Foundation needs these, which the driver adds only to programs.
        "-l_FoundationCollections", "-l_FoundationCShims", *libraries,
    ]
    subprocess.run(link, check=True, stdout=sys.stderr)
    return folder / LIBRARY


def _modules():
    """Returns PodstackC and the Swift modules that it depends on."""
    package = json.loads(_output("swift", "package", "--package-path", str(REPOSITORY), "dump-package"))
    targets = {target["name"]: target for target in package["targets"]}
    found, left = set(), ["PodstackC"]
    while left:
        name = left.pop()
        if name in found or targets[name]["type"] == "system":
            continue
        found.add(name)
        for dependency in targets[name]["dependencies"]:
            (kind, values), = dependency.items()
            platforms = (values[1] or {}).get("platformNames", [])
            if kind in ("byName", "target") and (not platforms or "linux" in platforms):
                left.append(values[0])
    return sorted(found)


def _output(*words):
    return subprocess.run(words, check=True, capture_output=True, text=True).stdout


def _tag():
    platform = sysconfig.get_platform().replace("-", "_").replace(".", "_")
    return f"py3-none-{platform}"


def _pack(target, contents):
    """Writes the files in the order of their names, with fixed times and modes, and the list of their hashes."""
    information = next(name for name in contents if name.endswith(".dist-info/METADATA")).rpartition("/")[0]
    rows = []
    with zipfile.ZipFile(target, "w", zipfile.ZIP_DEFLATED) as archive:

        def add(name, data):
            entry = zipfile.ZipInfo(name, (1980, 1, 1, 0, 0, 0))
            entry.compress_type = zipfile.ZIP_DEFLATED
            entry.create_system = 3
            entry.external_attr = (0o100755 if name.endswith(LIBRARY) else 0o100644) << 16
            archive.writestr(entry, data)

        for name in sorted(contents):
            digest = base64.urlsafe_b64encode(hashlib.sha256(contents[name]).digest()).rstrip(b"=").decode()
            rows.append(f"{name},sha256={digest},{len(contents[name])}")
            add(name, contents[name])
        rows.append(f"{information}/RECORD,,")
        add(f"{information}/RECORD", ("\n".join(rows) + "\n").encode())


def _contents(package):
    project = _project()
    information = f"{project['name']}-{project['version']}.dist-info"
    wheel = f"Wheel-Version: 1.0\nGenerator: podstack\nRoot-Is-Purelib: false\nTag: {_tag()}\n"
    contents = dict(package)
    contents[f"{information}/METADATA"] = _metadata(project).encode()
    contents[f"{information}/WHEEL"] = wheel.encode()
    contents[f"{information}/entry_points.txt"] = f"[console_scripts]\npodstack = {project['script']}\n".encode()
    contents[f"{information}/LICENSE"] = (REPOSITORY / "LICENSE").read_bytes()
    return f"{project['name']}-{project['version']}-{_tag()}.whl", contents


def build_wheel(wheel_directory, config_settings=None, metadata_directory=None):
    package = {
        f"podstack/{path.name}": path.read_bytes()
        for path in (PYTHON / "src/podstack").iterdir()
        if path.suffix in (".py", ".pyi") or path.name == "py.typed"
    }
    package[f"podstack/{LIBRARY}"] = _library().read_bytes()
    name, contents = _contents(package)
    _pack(Path(wheel_directory) / name, contents)
    return name


def build_editable(wheel_directory, config_settings=None, metadata_directory=None):
    library = _library()
    shutil.copy(library, PYTHON / "src/podstack" / LIBRARY)
    name, contents = _contents({"podstack.pth": f"{PYTHON / 'src'}\n".encode()})
    _pack(Path(wheel_directory) / name, contents)
    return name


def build_sdist(sdist_directory, config_settings=None):
    """Packs the tracked files of the repository: the Swift sources are outside of this folder."""
    project = _project()
    base = f"{project['name']}-{project['version']}"
    files = subprocess.run(
        ["git", "-C", str(REPOSITORY), "ls-files", "Package.swift", "LICENSE", "Sources", "python"],
        check=True, capture_output=True, text=True).stdout.split("\n")
    with tarfile.open(Path(sdist_directory) / f"{base}.tar.gz", "w:gz") as archive:
        for name in sorted(filter(None, files)):
            archive.add(REPOSITORY / name, f"{base}/{name}")
    return f"{base}.tar.gz"
