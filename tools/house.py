# SPDX-License-Identifier: MIT OR Apache-2.0
"""Rules of the house that no linter knows: licence lines, lengths of files, links, words to avoid."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
SOURCES = {".c", ".h", ".py", ".rs", ".sh", ".cmake"}
LONGEST = 300
# Written by tools, data, or one document by its nature.
MAY_BE_LONG = {
    "python/_core.c",
    "core/include/trifuse/trifuse.h",
    "python/_core.cdef.txt",
    "tests/abi/pinned_structs.c",
}
GENERATED = {"python/_core.c"}


def tracked() -> list[Path]:
    """What git knows or would add."""
    out = subprocess.run(
        ["git", "-C", str(ROOT), "ls-files", "-co", "--exclude-standard", "-z"],
        capture_output=True,
        text=True,
        check=True,
    ).stdout
    return [
        p
        for name in sorted(set(out.split("\0")))
        if name and (p := ROOT / name).is_file() and not p.is_symlink()
    ]


def licence_and_length(path: Path, text: str) -> list[str]:
    name = str(path.relative_to(ROOT))
    if path.suffix not in SOURCES and path.name != "CMakeLists.txt":
        return []
    found = []
    if name not in GENERATED and "SPDX-License-Identifier: MIT OR Apache-2.0" not in "\n".join(
        text.splitlines()[:5]
    ):
        found.append("no SPDX-License-Identifier line")
    lines = text.count("\n")
    if lines > LONGEST and name not in MAY_BE_LONG:
        found.append(f"{lines} lines; a file has at most {LONGEST}")
    return found


def dead_links(path: Path, text: str) -> list[str]:
    if path.suffix != ".md":
        return []
    prose = re.sub(r"^```.*?^```", "", text, flags=re.MULTILINE | re.DOTALL)
    targets = re.findall(r"\]\((?!https?:|mailto:|#)([^)#\s]+)", prose)
    return [f"dead link {t}" for t in targets if "::" not in t and not (path.parent / t).exists()]


def shape(path: Path, text: str) -> list[str]:
    if path.suffix in {".svg", ".abi"}:
        return []
    found = []
    if text and not text.endswith("\n"):
        found.append("no newline at the end")
    if "\r" in text:
        found.append("a carriage return")
    if path.suffix != ".md" and (bad := [i for i, s in enumerate(text.split("\n"), 1) if s != s.rstrip()]):
        found.append(f"white space at the end of line {bad[0]}")
    return found


def main() -> int:
    problems = count = 0
    for path in tracked():
        try:
            text = path.read_text()
        except UnicodeDecodeError:
            continue
        count += 1
        for problem in licence_and_length(path, text) + dead_links(path, text) + shape(path, text):
            print(f"{path.relative_to(ROOT)}: {problem}", file=sys.stderr)
            problems += 1
    print(f"  house: {count} files, {problems} problems")
    return 1 if problems or not count else 0


if __name__ == "__main__":
    sys.exit(main())
