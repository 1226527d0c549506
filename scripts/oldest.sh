#!/bin/sh
# Runs the tests that speak to the database against the oldest PostgreSQL we support, from Debian's
# packages. The server is a throw-away one in a temporary folder, on a Unix socket only.
set -eu

bin=/usr/lib/postgresql/15/bin
if [ ! -x "$bin/postgres" ]; then
    if [ "$(id -u)" = 0 ]; then
        apt-get install -y -q postgresql-15 >/dev/null
    else
        echo "PostgreSQL 15 is missing: install Debian's package postgresql-15" >&2
        exit 1
    fi
fi

folder=$(mktemp -d)
chmod 755 "$folder"
as_owner=""
if [ "$(id -u)" = 0 ]; then # postgres refuses to run as root
    chown nobody "$folder"
    as_owner="setpriv --reuid nobody --regid nogroup --clear-groups"
fi
# shellcheck disable=SC2086 # the words of as_owner are words
finish() {
    $as_owner "$bin/pg_ctl" -D "$folder/data" -m immediate stop >/dev/null 2>&1 || true
    rm -rf "$folder"
}
trap finish EXIT INT TERM

cd "$folder"
# shellcheck disable=SC2086
$as_owner "$bin/initdb" -D "$folder/data" -U postgres -A trust -E UTF8 --locale=C.UTF-8 >/dev/null
# shellcheck disable=SC2086
$as_owner "$bin/pg_ctl" -w -D "$folder/data" -l "$folder/log" \
    -o "-c listen_addresses='' -k $folder -c fsync=off -c max_connections=600" start >/dev/null
cd "$OLDPWD"

MATRICULA_TEST_SERVER_URL="postgresql://postgres@/postgres?host=$folder" .venv/bin/python scripts/run_tests.py "$@"
