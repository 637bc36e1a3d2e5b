# SPDX-License-Identifier: MIT OR Apache-2.0
"""Plants each mistake of mutants.py and policy_mutants.py into a copy of the core and sees that the vectors or the model catch it.

python run.py [--core DIR] [--jobs N] [name ...]; exit status 1 if one survives, or if the core as it is fails.
"""

import argparse
import os
import shutil
import subprocess
import sys
import tempfile
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from mutants import MUTANTS as BREAKER_MUTANTS
from policy_mutants import POLICY_MUTANTS

MUTANTS = [*BREAKER_MUTANTS, *POLICY_MUTANTS]

HERE = Path(__file__).resolve().parent
ROOT = HERE.parents[2]
VECTORS = ROOT / "tests/vectors"
COMPILER = os.environ.get("CC", "cc")
SECONDS = 120


def compiled(core, folder):
    """The shared library of a core, in a folder; None if it does not compile."""
    library = folder / "libtrifuse.so"
    command = [
        COMPILER,
        "-std=c11",
        "-O1",
        "-shared",
        "-fPIC",
        "-DTRIFUSE_BUILD",
        f"-I{core}/include",
        f"{core}/src/trifuse.c",
        "-o",
        str(library),
    ]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    return library if done.returncode == 0 else None


def replay_program(folder, library):
    """The vectors as a C program, which takes the library of LD_LIBRARY_PATH."""
    source, program = folder / "vectors.c", folder / "vectors"
    subprocess.run([sys.executable, str(VECTORS / "to_c.py"), str(source)], check=True)
    subprocess.run(
        [
            COMPILER,
            "-std=c11",
            "-O0",
            f"-I{VECTORS}",
            f"-I{ROOT}/core/include",
            str(source),
            f"-L{library.parent}",
            "-ltrifuse",
            "-lm",
            "-o",
            str(program),
        ],
        check=True,
    )
    return program


def catches(command, library):
    """Whether a command fails (or does not end) with this library."""
    paths = {"LD_LIBRARY_PATH": str(library.parent), "TRIFUSE_LIBRARY": str(library)}
    try:
        done = subprocess.run(
            command, env={**os.environ, **paths}, capture_output=True, timeout=SECONDS, check=False
        )
    except subprocess.TimeoutExpired:
        return True
    return done.returncode != 0


def checks(program):
    """(who, command), the quick one first."""
    return [("vectors", [str(program)]), ("model", [sys.executable, str(HERE / "short_run.py")])]


def stale(core, mutants):
    """What is wrong with the list: an old text must be in its file exactly once."""
    for what, file, old, _ in mutants:
        places = (core / "src" / file).read_text().count(old)
        if places != 1:
            yield f"mutant {what!r}: {places} places in {file} read {old!r}; bring it up to date"


def planted(core, folder, mutant):
    """A copy of the core with one mistake."""
    _, file, old, new = mutant
    copy = folder / "core"
    shutil.copytree(core, copy)
    source = copy / "src" / file
    source.write_text(source.read_text().replace(old, new))
    return copy


def verdict(core, program, mutant):
    """Who catches the mutant: "vectors", "model", or "" for a survivor."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        library = compiled(planted(core, folder, mutant), folder)
        if library is None:
            raise SystemExit(f"mutant {mutant[0]!r} does not compile: no mutant")
        return next((who for who, command in checks(program) if catches(command, library)), "")


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--core", type=Path, default=ROOT / "core")
    parser.add_argument("--jobs", type=int, default=os.cpu_count() or 1)
    parser.add_argument("names", nargs="*")
    given = parser.parse_args()
    mutants = [mutant for mutant in MUTANTS if not given.names or mutant[0] in given.names]
    if wrong := list(stale(given.core, mutants)):
        raise SystemExit("\n".join(wrong))
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        library = compiled(given.core, folder)
        program = replay_program(folder, library)
        for who, command in checks(program):
            if catches(command, library):
                raise SystemExit(f"the core as it is fails the {who}: nothing to be learnt from mutants")
        with ThreadPoolExecutor(given.jobs) as pool:
            found = list(pool.map(lambda mutant: verdict(given.core, program, mutant), mutants))
    for (what, file, *_), who in zip(mutants, found, strict=True):
        print(f"{file:16} {what:48} {who or 'SURVIVES'}")
    caught = sum(map(bool, found))
    print(f"{caught} of {len(mutants)} mutants caught")
    return caught != len(mutants)


if __name__ == "__main__":
    sys.exit(main())
