# SPDX-License-Identifier: MIT OR Apache-2.0
# The package as it is installed: where it comes from, what it declares, what it exports.
import importlib.metadata
import pathlib
import re
import subprocess
import sys

import pytest
import trifuse
from trifuse._core import ffi, lib

ROOT = pathlib.Path(__file__).resolve().parents[2]


def test_the_tests_run_against_the_installed_package():
    assert "site-packages" in trifuse.__file__


def test_the_version_is_one():
    assert trifuse.__version__ == importlib.metadata.version("trifuse")
    major, minor, patch = (int(part) for part in re.findall(r"\d+", trifuse.__version__))
    assert lib.trifuse_version() == major * 1_000_000 + minor * 1_000 + patch


def test_the_only_run_time_dependency_is_cffi():
    needs = [r for r in importlib.metadata.requires("trifuse") if "extra ==" not in r]
    assert {re.split(r"[>=<; ]", need)[0] for need in needs} == {"cffi"}


def test_the_core_module_exposes_every_function_and_constant_of_the_header():
    header = (ROOT / "core/include/trifuse/trifuse.h").read_text()
    functions = set(re.findall(r"\b(trifuse_\w+)\(", re.sub(r"/\*.*?\*/", "", header, flags=re.DOTALL)))
    constants = set(re.findall(r"#define (TRIFUSE_[A-Z_0-9]+) +[-0-9]", header))
    assert len(functions) > 40
    assert len(constants) > 80
    assert functions | constants <= set(dir(lib))


def test_the_generated_files_are_those_that_the_headers_give():
    generate = ROOT / "python/generate_core.py"
    done = subprocess.run([sys.executable, generate, "--check"], capture_output=True, text=True, check=False)
    if done.returncode == 2:
        pytest.skip(done.stdout.strip())
    assert done.returncode == 0, done.stdout


def test_the_shim_gives_what_the_core_gives():
    assert lib.trifuse_py_now() <= lib.trifuse_now_ns() <= lib.trifuse_py_now()
    assert ffi.sizeof("trifuse_py_call") % 8 == 0


def test_all_public_names_exist_and_say_what_they_are():
    for name in trifuse.__all__:
        value = getattr(trifuse, name)
        assert not callable(value) or value.__doc__, name


def test_a_name_that_does_not_exist_is_told_and_the_others_are_listed():
    with pytest.raises(AttributeError, match="no attribute 'Retrys'"):
        _ = trifuse.Retrys
    assert set(trifuse.__all__) <= set(dir(trifuse))


def test_policies_are_imported_when_they_are_asked_for():
    code = "import sys, trifuse; print('trifuse._pipeline' in sys.modules); print(trifuse.Pipeline.__name__)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.split() == ["False", "Pipeline"]


def test_every_public_method_says_what_it_does():
    kinds = [getattr(trifuse, name) for name in trifuse.__all__]
    policies = [kind for kind in kinds if isinstance(kind, type) and issubclass(kind, trifuse.Policy)]
    assert len(policies) >= 12
    for kind in (trifuse.CircuitBreakerRegistry, trifuse.KeyedBreakers, *policies):
        for name in dir(kind):
            member = getattr(kind, name)
            if not name.startswith("_") and callable(member):
                assert len(member.__doc__) > 20, f"{kind.__name__}.{name}"
