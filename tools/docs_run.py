# SPDX-License-Identifier: MIT OR Apache-2.0
"""How a block of each language runs; each runner returns what the block printed, or raises Failure."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
BUILD = Path(os.environ.get("BUILD", ROOT / "build"))
SECONDS = 60

PYTHON = """
import ast, asyncio, inspect, sys
code = open(sys.argv[1]).read()
compiled = compile(code, sys.argv[1], "exec", flags=ast.PyCF_ALLOW_TOP_LEVEL_AWAIT)
space = {"__name__": "__main__"}
if compiled.co_flags & inspect.CO_COROUTINE:
    asyncio.run(eval(compiled, space))
else:
    exec(compiled, space)
"""

# Those of the integrations are for docs/rust-services.md, which is tested with the crates.
FEATURES = '["serde", "stream", "tokio"]'
RUST_MANIFEST = """[package]
name = "trifuse-docs"
version = "0.0.0"
edition = "2024"
publish = false

[workspace]

[dependencies]
trifuse = {{ path = "{root}/bindings/rust/trifuse", features = {features} }}
tokio = {{ version = "1", features = ["full"] }}
futures = "0.3"
serde_json = "1"
"""


class Failure(Exception):
    """A block or a page is wrong; the message says how."""


def checked(command: list[object], cwd: Path | None = None, seconds: int = SECONDS) -> str:
    """Runs a command and returns its output; Failure when it fails or takes too long."""
    try:
        done = subprocess.run(
            [str(c) for c in command], cwd=cwd, capture_output=True, text=True, timeout=seconds, check=False
        )
    except subprocess.TimeoutExpired:
        raise Failure(f"not done within {seconds} s") from None
    if done.returncode:
        raise Failure(f"ended with {done.returncode}\n{done.stdout[-2000:]}{done.stderr[-4000:]}")
    return done.stdout


def run_python(code: str) -> str:
    with tempfile.TemporaryDirectory() as directory:
        block = Path(directory, "block.py")
        block.write_text(code)
        return checked(
            [sys.executable, "-W", "error::SyntaxWarning", "-c", PYTHON, block], cwd=Path(directory)
        )


def run_c(code: str) -> str:
    with tempfile.TemporaryDirectory() as directory:
        source = Path(directory, "block.c")
        source.write_text(code)
        program = source.with_suffix("")
        checked(
            [
                "cc",
                "-std=c11",
                "-Wall",
                "-Wextra",
                "-Werror",
                "-DTRIFUSE_STATIC",
                f"-I{ROOT / 'core/include'}",
                source,
                library(),
                "-o",
                program,
            ]
        )
        return checked([program], cwd=Path(directory))


def library() -> Path:
    """The core as one object, compiled once per run of this script."""
    built = BUILD / "docs" / "trifuse.o"
    if built not in _built:
        built.parent.mkdir(parents=True, exist_ok=True)
        checked(
            [
                "cc",
                "-std=c11",
                "-O2",
                "-DTRIFUSE_STATIC",
                f"-I{ROOT / 'core/include'}",
                "-c",
                ROOT / "core/src/trifuse.c",
                "-o",
                built,
            ]
        )
        _built.add(built)
    return built


_built: set[Path] = set()


def run_rust(blocks: list[tuple[str, str, str]]) -> None:
    """Runs all (name, marks, code) blocks as doctests of one crate; Failure names those that fail."""
    crate = BUILD / "docs" / "rust"
    (crate / "src").mkdir(parents=True, exist_ok=True)
    (crate / "Cargo.toml").write_text(RUST_MANIFEST.format(root=ROOT, features=FEATURES))
    shutil.copy(ROOT / "bindings/rust/Cargo.lock", crate / "Cargo.lock")
    items = []
    for name, marks, code in blocks:
        fails = "?;" in code and "Ok::<" not in code and "fn main" not in code
        end = "Ok::<(), Box<dyn std::error::Error>>(())\n" if fails else ""
        fence = f"```{marks}\n{code}{end}```\n"
        items.append(f'#[doc = r####"{fence}"####]\npub mod {name} {{}}\n')
    (crate / "src" / "lib.rs").write_text("#![allow(non_snake_case)]\n" + "\n".join(items))
    printed = checked(
        ["cargo", "test", "-q", "--doc", "--target-dir", BUILD / "docs" / "target"], cwd=crate, seconds=900
    )
    if sum(map(int, re.findall(r"(\d+) passed", printed))) != len(blocks):
        raise Failure(f"{len(blocks)} blocks, but cargo says\n{printed}")


RUNNERS = {"python": run_python, "c": run_c}
