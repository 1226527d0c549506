#!/bin/sh
# Writes both lock files anew from the .in files; arguments go to uv (--upgrade, --upgrade-package).
# The development lock takes the runtime lock as a constraint, so that both name the same versions.
set -eu
cd "$(dirname "$0")/.."

compile() {
    .venv/bin/uv pip compile --quiet --universal --python-version 3.11 --generate-hashes \
        --no-emit-index-url --no-emit-find-links --custom-compile-command "make lock" "$@"
}

compile requirements/runtime.in --output-file requirements/runtime.txt "$@"
compile requirements/dev.in --constraint requirements/runtime.txt \
    --output-file requirements/dev.txt "$@"
