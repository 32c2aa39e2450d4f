#!/bin/sh
# Makes .venv with the first Python of 3.11 to 3.14 found (or the one named by PYTHON). Does nothing where .venv works.
set -eu

[ -x .venv/bin/python ] && .venv/bin/python -m pip --version >/dev/null 2>&1 && exit 0

python=
for candidate in ${PYTHON:-python3 python3.14 python3.13 python3.12 python3.11}; do
    if "$candidate" -c 'import sys; sys.exit(not (3, 11) <= sys.version_info[:2] <= (3, 14))' 2>/dev/null; then
        python=$candidate
        break
    fi
done
[ -n "$python" ] || { echo "no Python 3.11 to 3.14 found: install one, or name it: make install PYTHON=/path/to/python3" >&2; exit 1; }

# Debian splits venv's pip seed into a package of its own.
if ! "$python" -c 'import ensurepip' 2>/dev/null; then
    package=$("$python" -c 'import sys; print("python%d.%d-venv" % sys.version_info[:2])')
    if [ "$(id -u)" = 0 ] && command -v apt-get >/dev/null; then
        echo "installing $package"
        apt-get update -qq && DEBIAN_FRONTEND=noninteractive apt-get install -qq -y --no-install-recommends "$package" >/dev/null
    else
        echo "$python cannot make a virtual environment: install $package (sudo apt-get install $package)" >&2
        exit 1
    fi
fi

echo "making .venv with $("$python" --version)"
rm -rf .venv
"$python" -m venv .venv
