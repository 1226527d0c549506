#!/bin/sh
# Usage: scripts/setup.sh runtime|dev
#
# Makes .venv and installs requirements/<name>.txt, every package checked against its hash, and
# this project itself. Does nothing when that was done before for the same files.
set -eu
cd "$(dirname "$0")/.."
lock="requirements/$1.txt"

fail() {
    echo "$1" >&2
    exit 1
}

# The system's own Python first: distributions build theirs with profile-guided optimization, which one
# compiled by pyenv or by hand lacks unless asked for (docs/adr/0073). Then the names on the PATH, which
# may be stubs that start nothing: so each is tried, and one that can make no environment comes last.
find_python() {
    usable=
    for candidate in ${PYTHON:-/usr/bin/python3.11 /usr/bin/python3.12 /usr/bin/python3.13 \
        /usr/bin/python3.14 /usr/bin/python3 python3.11 python3.12 python3.13 python3.14 python3 python}; do
        if "$candidate" -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null; then
            usable=${usable:-$candidate}
            if makes_environments "$candidate"; then
                echo "$candidate"
                return
            fi
        fi
    done
    echo "$usable"
}

makes_environments() {
    "$1" -c 'import ensurepip, venv' 2>/dev/null
}

stamp_of() {
    echo ".venv/.installed-$(cat "$1" pyproject.toml requirements/runtime.in | cksum | tr ' ' -)"
}

works() {
    .venv/bin/python -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null
}

# The development lock holds everything the runtime lock does.
if works; then
    if [ -e "$(stamp_of "$lock")" ] || [ -e "$(stamp_of requirements/dev.txt)" ]; then
        exit 0
    fi
else
    python=$(find_python)
    [ -n "$python" ] || fail "Python 3.11 or newer was not found: install it, or name it with PYTHON=/path/to/python3"
    makes_environments "$python" ||
        fail "$python cannot make virtual environments: install its venv module (Debian: apt-get install python3-venv)"
    rm -rf .venv
    "$python" -m venv .venv || fail "the virtual environment .venv could not be made: see the message above"
fi

echo "Installing packages from $lock (only when it has changed)"
pip=".venv/bin/python -m pip --disable-pip-version-check --no-input --quiet"
$pip install --require-hashes -r "$lock"
$pip install --no-deps --no-build-isolation --editable .
rm -f .venv/.installed-*
touch "$(stamp_of "$lock")"
