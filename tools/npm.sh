#!/bin/sh
# Runs npm: the machine's own, or, where there is none, the one that a hashed Python wheel carries.
set -eu

if ! command -v npm >/dev/null 2>&1; then
    if [ ! -x .venv/bin/npm ]; then
        echo "no npm on this machine: installing it into .venv"
        .venv/bin/python -m pip --disable-pip-version-check install --quiet --require-hashes --only-binary :all: \
            --requirement requirements-node.lock
    fi
    PATH="$PWD/.venv/bin:$PATH"
fi
exec npm "$@"
