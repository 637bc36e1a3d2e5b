# SPDX-License-Identifier: MIT OR Apache-2.0
"""Runs the code of README.md and docs/*.md, so that what people copy works.

    python tools/docs_test.py [page.md ...]

- ```python  each block alone in a process, in an empty directory; `await` may stand at the top.
- ```c       each block is a whole program, compiled against the library of this checkout and run.
- ```rust    each block is a program; one without `fn main` is put into one that returns a Result;
             `rust,compile_fail` must fail, `rust,ignore` is skipped.
             Those of docs/rust.md and docs/rust-services.md are doctests of tests/rust.
- ```sh, ```toml, ```cmake and the like are not run.

A comment on the line above a block says more:

    <!-- continue -->       joined to the block of this language before it
    <!-- output -->         (a ```text block) what the block before it printed (itself, if continued)
    <!-- skip: reason -->   not run; the reason is printed
"""

from __future__ import annotations

import re
import sys
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from docs_run import ROOT, RUNNERS, Failure, run_rust

NOT_RUN = {"sh", "bash", "console", "toml", "cmake", "text", "json", "yaml", "ini", "make", "", "mermaid"}
DOCTESTS = {"rust.md", "rust-services.md"}
FENCE = re.compile(r"^```(\S*)[^\n]*\n(.*?)^```\s*$", re.MULTILINE | re.DOTALL)


@dataclass
class Block:
    """One fenced block, with what the comment above it says and what it should print."""

    page: str
    line: int
    language: str
    code: str
    note: str
    marks: tuple[str, ...] = ()
    before: str = ""
    output: str | None = None

    @property
    def place(self) -> str:
        """Page and line, as editors jump to it."""
        return f"{self.page}:{self.line}"


def blocks(path: Path) -> list[Block]:
    """The blocks of a page in order, continued ones joined, expected outputs attached."""
    text = path.read_text()
    found: list[Block] = []
    for match in FENCE.finditer(text):
        above = text[: match.start()].rstrip("\n").rpartition("\n")[2].strip()
        note = m[1].strip() if (m := re.fullmatch(r"<!--(.*)-->", above)) else ""
        line = text.count("\n", 0, match.start()) + 1
        language, *marks = match[1].split(",")
        if "ignore" in marks:
            note = "skip: marked ignore"
        block = Block(str(path.relative_to(ROOT)), line, language, match[2], note, tuple(marks))
        if note == "output":
            if not found:
                raise Failure(f"{block.place}: an output without a block before it")
            found[-1].output = block.code
        elif note == "continue":
            before = [b for b in found if b.language == block.language]
            if not before:
                raise Failure(f"{block.place}: nothing to continue")
            block.before, block.note = before[-1].before + before[-1].code, ""
            found.append(block)
        elif block.language not in NOT_RUN:
            if block.language not in (*RUNNERS, "rust"):
                raise Failure(f"{block.place}: no way to run ```{block.language}")
            found.append(block)
    return found


@cache
def printed_by(language: str, code: str) -> str:
    """What this code prints; run once."""
    return RUNNERS[language](code)


def run(block: Block) -> str | None:
    """Runs a block after those it continues; what went wrong, or None."""
    try:
        printed = printed_by(block.language, block.before + block.code)
        if block.before:
            printed = printed.removeprefix(printed_by(block.language, block.before))
    except Failure as failure:
        return f"{block.place} ({block.language}): {failure}"
    if block.output is not None and printed.strip() != block.output.strip():
        return f"{block.place}: it printed\n{printed}--- but the page says\n{block.output}"
    return None


def run_all_rust(found: list[Block]) -> int:
    """Runs the Rust blocks of all pages together; the number of failures, 0 or 1."""
    if not found:
        return 0
    named = [
        (re.sub(r"\W", "_", f"at_{b.place}"), ",".join(["rust", *b.marks]), b.before + b.code) for b in found
    ]
    try:
        run_rust(named)
    except Failure as failure:
        print(f"rust: {failure}", file=sys.stderr)
        return 1
    return 0


def main() -> int:
    pages = [Path(p).resolve() for p in sys.argv[1:]] or [
        ROOT / "README.md",
        *sorted((ROOT / "docs").glob("*.md")),
    ]
    failed = count = 0
    rust: list[Block] = []
    for page in pages:
        for block in blocks(page):
            if block.language == "rust" and page.name in DOCTESTS:
                continue
            if block.note.startswith("skip"):
                print(
                    f"  {block.place}: skipped: {block.note.partition(':')[2].strip() or 'WITHOUT A REASON'}"
                )
                failed += ":" not in block.note
                continue
            count += 1
            if block.language == "rust":
                rust.append(block)
                continue
            if trouble := run(block):
                failed += 1
                print(trouble, file=sys.stderr)
    failed += run_all_rust(rust)
    print(f"  {count} blocks of {len(pages)} pages run, {failed} failed")
    return 1 if failed or not count else 0


if __name__ == "__main__":
    try:
        sys.exit(main())
    except Failure as problem:
        sys.exit(f"error: {problem}")
