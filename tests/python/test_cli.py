# SPDX-License-Identifier: MIT OR Apache-2.0
"""The command `trifuse`: options, and what it says when something is missing."""

import subprocess
import sys

import pytest
import trifuse

MAIN = "import sys; from trifuse._cli import main; sys.argv[0] = 'trifuse'; "


def command(*arguments, before=""):
    return subprocess.run(
        [sys.executable, "-c", f"{before}{MAIN}main()", *arguments],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


def test_it_tells_the_version_of_the_library():
    assert command("--version").stdout == f"trifuse {trifuse.__version__}\n"


def test_the_help_of_the_demo_names_every_option():
    told = command("demo", "--help")
    assert told.returncode == 0
    for option in ("--scenario", "--seconds", "--output", "--json", "--no-color"):
        assert option in told.stdout


@pytest.mark.parametrize("seconds", ["11.9", "601", "-5", "nan", "inf"])
def test_a_run_too_short_or_too_long_is_refused_with_what_is_allowed(seconds):
    told = command("demo", "--seconds", seconds)
    assert told.returncode == 2
    assert "--seconds" in told.stderr
    assert seconds in told.stderr
    assert "12 to 600" in told.stderr


@pytest.mark.parametrize("option", ["--output", "--json"])
def test_a_file_in_a_folder_that_is_not_there_is_refused_before_the_run(option, tmp_path):
    told = command("demo", option, str(tmp_path / "nowhere" / "file"))
    assert told.returncode == 2
    assert option in told.stderr
    assert "no folder" in told.stderr
    assert told.stdout == ""


@pytest.mark.parametrize("option", ["--output", "--json"])
def test_a_folder_is_no_file(option, tmp_path):
    told = command("demo", option, str(tmp_path))
    assert told.returncode == 2
    assert "is a directory" in told.stderr


def test_picture_and_figures_need_files_of_their_own(tmp_path):
    told = command("demo", "--output", str(tmp_path / "file"), "--json", str(tmp_path / "file"))
    assert told.returncode == 2
    assert "the same file" in told.stderr


@pytest.mark.parametrize(
    "arguments",
    [["demo", "--colour"], ["demo", "extra"], ["dmeo"], ["demo", "--seconds", "soon"]],
    ids=" ".join,
)
def test_bad_usage_ends_with_2_and_no_traceback(arguments):
    told = command(*arguments)
    assert told.returncode == 2
    assert told.stderr.startswith("Usage: trifuse")
    assert "Traceback" not in told.stderr


@pytest.mark.parametrize("package", ["click", "h11", "openai", "rich"])
def test_without_the_extra_it_says_how_to_install_it(package):
    told = command("demo", before=f"import sys; sys.modules[{package!r}] = None; ")
    assert told.returncode == 1
    assert package in told.stderr
    assert 'pip install "trifuse[cli]"' in told.stderr
    assert "Traceback" not in told.stderr


def test_the_library_itself_imports_nothing_of_the_extra():
    seen = "import sys, trifuse; print({'click', 'h11', 'openai', 'rich'} & set(sys.modules))"
    told = subprocess.run(
        [sys.executable, "-c", seen], capture_output=True, text=True, timeout=60, check=True
    )
    assert told.stdout == "set()\n"
