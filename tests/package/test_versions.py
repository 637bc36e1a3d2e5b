# SPDX-License-Identifier: MIT OR Apache-2.0
"""One version: the header's, and the same wherever else a version is written."""

from __future__ import annotations

import re
import tomllib

from conftest import ROOT


def header_version() -> str:
    text = (ROOT / "core/include/trifuse/trifuse.h").read_text()
    return ".".join(
        re.search(rf"#define TRIFUSE_VERSION_{part} (\d+)", text)[1]  # type: ignore[index]
        for part in ("MAJOR", "MINOR", "PATCH")
    )


def test_python_has_the_version_of_the_header() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    if "version" in project.get("dynamic", []):
        assert "trifuse.h" in (ROOT / "pyproject.toml").read_text()
    else:
        assert project["version"] == header_version()


def test_the_crates_have_the_version_of_the_header() -> None:
    workspace = tomllib.loads((ROOT / "bindings/rust/Cargo.toml").read_text())
    shared = workspace.get("workspace", {}).get("package", {}).get("version")
    for crate in ("trifuse-sys", "trifuse"):
        version = tomllib.loads((ROOT / f"bindings/rust/{crate}/Cargo.toml").read_text())["package"][
            "version"
        ]
        assert (shared if isinstance(version, dict) else version) == header_version(), crate


def test_the_changelog_tells_of_this_version() -> None:
    assert f"## {header_version()}" in (ROOT / "CHANGELOG.md").read_text()


def test_the_version_script_has_a_node_for_this_release() -> None:
    release = ".".join(header_version().split(".")[:2])
    assert f"TRIFUSE_{release} {{" in (ROOT / "core/trifuse.map").read_text()
