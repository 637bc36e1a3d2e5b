# SPDX-License-Identifier: MIT OR Apache-2.0
import pathlib
import subprocess
import sys

import pytest

EXAMPLES = pathlib.Path(__file__).with_name("typing_examples.py")


def checked(*command):
    pytest.importorskip(command[0])
    done = subprocess.run(
        [sys.executable, "-m", *command, str(EXAMPLES)],
        capture_output=True,
        text=True,
        check=False,
        cwd=EXAMPLES.parents[2],
    )
    return done.returncode, done.stdout + done.stderr


@pytest.mark.end_to_end
def test_mypy_strict_sees_signatures_and_breakers():
    code, said = checked("mypy", "--strict", "--no-error-summary", "--cache-dir=/dev/null")
    assert code == 0, said


@pytest.mark.end_to_end
def test_pyright_sees_signatures_and_breakers():
    code, said = checked("pyright", "--pythonpath", sys.executable)
    if "failed to install" in said or "npm" in said:
        pytest.skip("pyright could not fetch its node package")
    assert code == 0, said
