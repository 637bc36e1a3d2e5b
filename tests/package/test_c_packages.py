# SPDX-License-Identifier: MIT OR Apache-2.0
"""The installed C library, used by other projects in every way that is offered."""

from __future__ import annotations

from pathlib import Path

import pytest
from conftest import EXAMPLE, EXPECTED, ROOT, run

HERE = Path(__file__).parent


def pkg_config(prefix: Path, *arguments: str) -> list[str]:
    (directory,) = {p.parent for p in prefix.rglob("trifuse.pc")}
    return run("pkg-config", *arguments, "trifuse", PKG_CONFIG_PATH=str(directory)).stdout.split()


def needs_the_shared_library(program: Path) -> bool:
    return "libtrifuse.so" in run("readelf", "-d", program).stdout


def cmake_consumer(directory: Path, project: str, *options: str) -> Path:
    run("cmake", "-S", HERE / project, "-B", directory, "-G", "Ninja", f"-DEXAMPLE={EXAMPLE}", *options)
    run("cmake", "--build", directory)
    return directory / "consumer"


def test_everything_is_installed_where_it_belongs(prefix: Path) -> None:
    files = {str(p.relative_to(prefix)) for p in prefix.rglob("*") if not p.is_dir()}
    assert files == {
        "include/trifuse/trifuse.h",
        "lib/libtrifuse.a",
        "lib/libtrifuse.so",
        "lib/libtrifuse.so.0",
        "lib/libtrifuse.so.0.1.0",
        "lib/pkgconfig/trifuse.pc",
        "lib/cmake/trifuse/trifuse-config.cmake",
        "lib/cmake/trifuse/trifuse-config-version.cmake",
        "lib/cmake/trifuse/trifuse-targets.cmake",
        "lib/cmake/trifuse/trifuse-targets-release.cmake",
        "share/doc/trifuse/LICENSE",
        "share/doc/trifuse/LICENSE-MIT",
        "share/doc/trifuse/LICENSE-APACHE",
    }


def test_pkg_config_links_the_shared_library(prefix: Path, tmp_path: Path) -> None:
    program = tmp_path / "program"
    run("cc", EXAMPLE, *pkg_config(prefix, "--cflags", "--libs"), f"-Wl,-rpath,{prefix}/lib", "-o", program)
    assert run(program).stdout == EXPECTED
    assert needs_the_shared_library(program)


def test_pkg_config_links_the_static_library_when_that_is_all(static_prefix: Path, tmp_path: Path) -> None:
    program = tmp_path / "program"
    flags = pkg_config(static_prefix, "--static", "--cflags", "--libs")
    assert "-DTRIFUSE_STATIC" in flags
    run("cc", EXAMPLE, *flags, "-o", program)
    assert run(program).stdout == EXPECTED
    assert not needs_the_shared_library(program)


def test_pkg_config_links_the_static_library_of_both(prefix: Path, tmp_path: Path) -> None:
    program = tmp_path / "program"
    flags = [f.replace("-ltrifuse", "-l:libtrifuse.a") for f in pkg_config(prefix, "--cflags", "--libs")]
    run("cc", EXAMPLE, *flags, "-o", program)
    assert run(program).stdout == EXPECTED
    assert not needs_the_shared_library(program)


def test_pkg_config_knows_the_version(prefix: Path) -> None:
    assert pkg_config(prefix, "--modversion") == ["0.1.0"]


@pytest.mark.parametrize(
    ("target", "shared"), [("trifuse::trifuse", True), ("trifuse::trifuse_static", False)]
)
def test_find_package_offers_both_libraries(
    prefix: Path, tmp_path: Path, target: str, *, shared: bool
) -> None:
    program = cmake_consumer(
        tmp_path, "consumer_package", f"-DCMAKE_PREFIX_PATH={prefix}", f"-DTARGET={target}", "-DWANTED=0.1"
    )
    assert run(program).stdout == EXPECTED
    assert needs_the_shared_library(program) is shared


def test_find_package_offers_one_name_where_only_the_static_library_is(
    static_prefix: Path, tmp_path: Path
) -> None:
    program = cmake_consumer(
        tmp_path,
        "consumer_package",
        f"-DCMAKE_PREFIX_PATH={static_prefix}",
        "-DTARGET=trifuse::trifuse",
        "-DWANTED=0.1.0",
    )
    assert run(program).stdout == EXPECTED


@pytest.mark.parametrize("version", ["0.2", "1.0", "0.1.99"])
def test_find_package_refuses_a_version_that_is_not_there(prefix: Path, tmp_path: Path, version: str) -> None:
    done = run(
        "cmake",
        "-S",
        HERE / "consumer_package",
        "-B",
        tmp_path,
        "-G",
        "Ninja",
        f"-DWANTED={version}",
        f"-DCMAKE_PREFIX_PATH={prefix}",
        f"-DEXAMPLE={EXAMPLE}",
        "-DTARGET=trifuse::trifuse",
        check=False,
    )
    assert done.returncode != 0
    assert "version: 0.1.0" in done.stderr


def test_a_project_can_build_it_as_a_part_of_itself_and_installs_only_its_own(tmp_path: Path) -> None:
    program = cmake_consumer(
        tmp_path / "build",
        "consumer_subdirectory",
        f"-DTRIFUSE={ROOT}",
        f"-DCMAKE_INSTALL_PREFIX={tmp_path / 'prefix'}",
    )
    assert run(program).stdout == EXPECTED
    run("cmake", "--install", tmp_path / "build")
    assert [p.name for p in (tmp_path / "prefix").rglob("*") if p.is_file()] == ["consumer"]


@pytest.mark.parametrize("compiler", ["gcc", "clang"])
def test_the_sources_can_be_compiled_into_a_program(tmp_path: Path, compiler: str) -> None:
    program = tmp_path / "program"
    run(
        compiler,
        "-std=c11",
        "-DTRIFUSE_STATIC",
        f"-I{ROOT / 'core/include'}",
        EXAMPLE,
        ROOT / "core/src/trifuse.c",
        "-o",
        program,
    )
    assert run(program).stdout == EXPECTED


def test_a_cpp_program_links_it(prefix: Path, tmp_path: Path) -> None:
    source = tmp_path / "program.cc"
    source.write_text(
        "#include <cstdio>\n#include <trifuse/trifuse.h>\nint main() { std::puts(trifuse_version_text()); }\n"
    )
    program = tmp_path / "program"
    run("g++", source, *pkg_config(prefix, "--cflags", "--libs"), f"-Wl,-rpath,{prefix}/lib", "-o", program)
    assert run(program).stdout == "0.1.0\n"


def test_two_builds_of_one_source_are_the_same_bytes(tmp_path: Path) -> None:
    built = []
    for name in ("one", "two"):
        directory = tmp_path / name
        run("cmake", "-S", ROOT, "-B", directory, "-G", "Ninja", "-DBUILD_TESTING=OFF")
        run("cmake", "--build", directory)
        built.append((directory / "libtrifuse.so").read_bytes())
    assert built[0] == built[1]
