# SPDX-License-Identifier: MIT OR Apache-2.0
# To be sourced after lib.sh: finding a Python >= 3.11 and making environments with it. PYTHON=<interpreter>
# chooses it; else python3.12, else any python3 that is new enough.

candidates() {
  if [ -n "${PYTHON:-}" ]; then
    printf '%s\n' "$PYTHON"
    return
  fi
  printf '%s\n' python3.12
  if have_command pyenv; then
    ls -d "$(pyenv root)"/versions/3.12*/bin/python3.12 2>/dev/null || true
  fi
  printf '%s\n' python3 python3.13 python3.11 python
}

# find_python: prints the path of the interpreter to use.
find_python() {
  local candidate
  while read -r candidate; do
    if "$candidate" -c 'import sys; sys.exit(sys.version_info < (3, 11))' >/dev/null 2>&1; then
      "$candidate" -c "import sys; print(getattr(sys, \"_base_executable\", None) or sys.executable)"
      return
    fi
  done < <(candidates)
  die "no Python >= 3.11 found: install the Debian packages python3 and python3-venv, or set PYTHON=..."
}

have_compiler() {
  have_command cc || have_command gcc || need cc gcc libc6-dev
}

# make_venv <interpreter> <directory>: anew.
make_venv() {
  local python="$1" directory="$2"
  rm -rf "$directory"
  if ! "$python" -c 'import ensurepip, venv' >/dev/null 2>&1; then
    local package
    package="$("$python" -c 'import sys; print("python3.%d-venv" % sys.version_info[1])')"
    if [ "$(id -u)" = 0 ] && have_command apt-get; then
      apt_install "$package"
    else
      die "$python cannot make virtual environments: install the Debian package $package"
    fi
  fi
  quietly venv "$python" -m venv "$directory"
}
