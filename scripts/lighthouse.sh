#!/bin/sh
# Measures our pages with Lighthouse, which wants npm. Nothing of it is needed to run the site.
set -eu
cd "$(dirname "$0")/.."

if ! command -v npm >/dev/null 2>&1; then
    echo "Lighthouse needs npm: install it (Debian: apt-get install npm) and run again" >&2
    exit 1
fi
cd scripts/lighthouse
stamp="node_modules/.installed-$(cksum <package-lock.json | tr ' ' -)"
if ! [ -e "$stamp" ]; then
    npm ci --ignore-scripts --no-audit --no-fund --silent
    touch "$stamp"
fi
cd ../..
exec .venv/bin/python -m tests.gallery.lighthouse
