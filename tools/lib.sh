# SPDX-License-Identifier: MIT OR Apache-2.0
# Shared by the scripts of tools/; to be sourced. Sets ROOT, BUILD, VENV and JOBS.
set -euo pipefail

ROOT="$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)"
BUILD="$ROOT/build"
VENV="$BUILD/venv"
JOBS="${JOBS:-$(getconf _NPROCESSORS_ONLN 2>/dev/null || echo 2)}"
export ROOT BUILD VENV JOBS
export PIP_DISABLE_PIP_VERSION_CHECK=1 PIP_NO_INPUT=1 CMAKE_COLOR_DIAGNOSTICS=OFF
export CTEST_PARALLEL_LEVEL="${CTEST_PARALLEL_LEVEL:-$JOBS}"
cd "$ROOT"

say() { printf '%s\n' "$*"; }
die() { printf 'error: %s\n' "$*" >&2; exit 1; }

# quietly <log name> <command...>: the output goes to build/logs; a failure shows its end.
quietly() {
  local log="$BUILD/logs/$1.log"
  shift
  mkdir -p "$BUILD/logs"
  if ! "$@" >"$log" 2>&1; then
    tail -n 120 "$log" >&2
    die "this failed: $* (whole log: $log)"
  fi
}

# have_command <command>: is it there, and more than a shim that fails?
have_command() { command -v "$1" >/dev/null 2>&1; }

apt_install() {
  if [ ! -e "$BUILD/.apt-updated" ]; then
    quietly apt-update apt-get update -qq
    mkdir -p "$BUILD" && touch "$BUILD/.apt-updated"
  fi
  DEBIAN_FRONTEND=noninteractive quietly "apt-${1%%:*}" apt-get install -y -qq --no-install-recommends "$@"
}

# need <command> <Debian package>...: installs the packages when root on a Debian, else says which
# packages to install, and stops.
need() {
  local wanted="$1"
  shift
  have_command "$wanted" && return 0
  if [ "$(id -u)" = 0 ] && have_command apt-get; then
    say "  installing $* (for $wanted)"
    apt_install "$@"
    hash -r
  fi
  have_command "$wanted" || die "'$wanted' is missing: install the Debian package(s) $* (apt-get install $*)"
}

# need_clang_runtime: clang with its sanitizer and fuzzer libraries, which are a package of their own.
need_clang_runtime() {
  need clang clang
  local version library
  version="$(clang -dumpversion | cut -d. -f1)"
  library="$(clang --print-file-name="libclang_rt.fuzzer-$(uname -m).a")"
  [ -e "$library" ] || [ -e "$(clang --print-file-name=libclang_rt.fuzzer.a)" ] && return 0
  if [ "$(id -u)" = 0 ] && have_command apt-get; then
    apt_install "libclang-rt-$version-dev"
  else
    die "clang's run-time libraries are missing: install the Debian package libclang-rt-$version-dev"
  fi
}

# need_postgres: the server, which Debian does not put into the PATH.
need_postgres() {
  have_command postgres || compgen -G '/usr/lib/postgresql/*/bin/postgres' >/dev/null && return 0
  [ "$(id -u)" = 0 ] && have_command apt-get || die "PostgreSQL is missing: install the Debian package postgresql"
  say "  installing postgresql"
  apt_install postgresql
}

# require_dirs <dir>...: what a stage tests must be there; an absent part is a failure, never a skip.
require_dirs() {
  local dir
  for dir in "$@"; do
    [ -e "$ROOT/$dir" ] || die "$dir is missing from this checkout"
  done
}

# one_at_a_time <name>: until this script ends, another that asks for the same name waits.
one_at_a_time() {
  mkdir -p "$BUILD"
  exec 9>"$BUILD/.$1.lock"
  ! have_command flock || flock 9
}

use_venv() {
  bash "$ROOT/tools/bootstrap.sh"
  export PATH="$VENV/bin:$PATH" VIRTUAL_ENV="$VENV"
  unset PYTHONHOME PYTHONPATH
  hash -r
}

# configure <build name> <cmake options...>: a build tree in build/<name>.
configure() {
  local name="$1"
  shift
  quietly "configure-$name" cmake -S "$ROOT" -B "$BUILD/$name" -G Ninja -DTRIFUSE_WERROR=ON "$@"
  quietly "build-$name" cmake --build "$BUILD/$name" --parallel "$JOBS"
}

# run_ctest <build name> <ctest options...>: an empty selection is a failure.
run_ctest() {
  local name="$1"
  shift
  quietly "ctest-$name" ctest --test-dir "$BUILD/$name" --output-on-failure --no-tests=error "$@"
  grep -E 'tests passed|tests failed' "$BUILD/logs/ctest-$name.log" | sed "s/^/  $name: /"
}

# run_pytest <name> <arguments...>: prints the last line; a run without tests is a failure of pytest's. Tests wait
# more than they compute: with WORKERS=<n>, n files at a time.
run_pytest() {
  local name="$1"
  shift
  quietly "pytest-$name" python -m pytest -q -p no:cacheprovider --durations=5 \
    -n "${WORKERS:-0}" --dist loadfile "$@"
  tail -n 1 "$BUILD/logs/pytest-$name.log" | sed "s/^/  $name: /"
}
