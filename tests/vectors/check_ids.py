# SPDX-License-Identifier: MIT OR Apache-2.0
"""Every rule of docs/semantics.md has a proof, and every proof names a rule.

A proof is an id in the "ids" of a vector, or the id anywhere in a test's source under tests/,
python/tests or bindings/rust (a comment, a marker, a doc comment). Exit status 1 and a list of what is wrong, or a count.
"""

import json
import re
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
RULE = re.compile(r"^- \*\*([A-Z]+(?:-[A-Z]+)*-\d\d)\*\*", re.MULTILINE)
SOURCES = ("tests", "python/tests", "bindings/rust")
SUFFIXES = {".c", ".h", ".cc", ".cpp", ".py", ".rs", ".toml", ".txt", ".pyi"}


def rules():
    found = RULE.findall((ROOT / "docs/semantics.md").read_text())
    twice = sorted({rule for rule in found if found.count(rule) > 1})
    if twice:
        sys.exit(f"docs/semantics.md: defined twice: {', '.join(twice)}")
    return set(found)


def vector_ids():
    """(id, where) of all vectors."""
    files = sorted((ROOT / "tests/vectors").glob("*/*.json"))
    for file in files:
        for history in json.loads(file.read_text())["histories"]:
            if not history["ids"]:
                yield "", f"{file.relative_to(ROOT)}: {history['name']} (no ids)"
            for rule in history["ids"]:
                yield rule, f"{file.relative_to(ROOT)}: {history['name']}"


def source_ids(known):
    """(id, where) of all tests; an id of a family that the document has must be a rule of it."""
    families = "|".join(sorted({rule[:-3] for rule in known}, key=len, reverse=True))
    mention = re.compile(rf"\b((?:{families})-\d\d)\b")
    for folder in SOURCES:
        for file in sorted((ROOT / folder).rglob("*")):
            generated = {"target", "build", "node_modules"} & set(file.relative_to(ROOT).parts)
            if generated or file.suffix not in SUFFIXES or not file.is_file():
                continue
            for rule in mention.findall(file.read_text(errors="replace")):
                yield rule, str(file.relative_to(ROOT))


def main():
    known = rules()
    proofs = list(vector_ids()) + list(source_ids(known))
    wrong = [f"unknown id {rule!r} in {where}" for rule, where in proofs if rule not in known]
    proved = {rule for rule, _ in proofs}
    wrong += [f"no vector and no test names {rule}" for rule in sorted(known - proved)]
    if wrong:
        sys.exit("\n".join(wrong))
    print(f"{len(known)} rules, {len(proofs)} proofs")


if __name__ == "__main__":
    main()
