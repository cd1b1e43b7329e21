#!/usr/bin/env bash
# Makes the virtual environment. As root on Debian it also installs the few system packages that help; without them
# everything still runs, and the parts that would have used them say what they do without.
set -euo pipefail

apt_packages=()
"$PYTHON" -c 'import ensurepip, venv' 2>/dev/null || apt_packages+=(python3-venv)
command -v strip >/dev/null || apt_packages+=(binutils)      # smaller shared libraries
command -v bwrap >/dev/null || apt_packages+=(bubblewrap)    # an instance's own /code and /tmp
if [ ${#apt_packages[@]} -gt 0 ]; then
    if [ "$(id -u)" = 0 ] && command -v apt-get >/dev/null; then
        echo "installing Debian packages: ${apt_packages[*]}"
        export DEBIAN_FRONTEND=noninteractive
        apt-get update -qq && apt-get install -y -qq --no-install-recommends "${apt_packages[@]}" >/dev/null \
            || echo "warning: apt-get failed; going on without ${apt_packages[*]}" >&2
    else
        echo "note: not installed: ${apt_packages[*]} (sudo apt-get install ${apt_packages[*]})" >&2
    fi
fi

[ -x "$VENV/bin/python" ] || "$PYTHON" -m venv "$VENV"
"$VENV/bin/python" -m pip install --quiet --disable-pip-version-check "uv==$UV_VERSION"
echo "installing the packages of requirements-dev.txt into $VENV"
# Compiled here: where PYTHONDONTWRITEBYTECODE is set, as in many containers, each command would compile its SDKs anew (2 s).
VIRTUAL_ENV="$VENV" "$VENV/bin/uv" pip sync --quiet --require-hashes --compile-bytecode requirements-dev.txt
# heavylift's helper in C is compiled by this machine's compiler; where there is none, by the one that wheels are built with (80 MB).
command -v cc >/dev/null \
    || VIRTUAL_ENV="$VENV" "$VENV/bin/uv" pip install --quiet "$(grep -o 'ziglang==[0-9.]*' packages/heavylift/pyproject.toml)"
# Built anew, even where uv's cache has it: the helper lies beside the sources, where a clean clone has none.
VIRTUAL_ENV="$VENV" "$VENV/bin/uv" pip install --quiet --no-deps --no-build-isolation --refresh-package heavylift \
    --editable packages/localcloud --editable packages/heavylift
touch "$VENV/.ready"
