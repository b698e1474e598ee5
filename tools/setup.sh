#!/bin/sh
# Makes .venv fit for a set of extras, given as the only argument ("embedded", "embedded,test", ...).
# Says nothing and takes a few milliseconds when there is nothing to do. Needs Python 3.11 to 3.13 and the
# package registry that pip is set up for; no git, no root, nothing installed by hand.
set -eu
cd "$(dirname "$0")/.."
extras=$1
stamp=.venv/.installed-$(printf %s "$extras" | tr , -)

# The path is part of it: a copied tree brings a .venv that still points to where it was made.
fingerprint="$(pwd) $(cat pyproject.toml constraints.txt tests/data-requirements.txt tools/setup.sh | cksum)"
# More than what is asked for will do: the stamp of "embedded,test,dev" begins with that of "embedded,test".
for made in "$stamp"*; do
    if [ -f "$made" ] && [ "$(cat "$made")" = "$fingerprint" ]; then exit 0; fi
done

# Being on PATH proves little (pyenv's shims stand there for versions that do not run), so each one is run.
runs() { "$1" -c "import sys; sys.exit(not (3, 11) <= sys.version_info[:2] <= (3, 13))" >/dev/null 2>&1; }
has() { "$1" -c "import $2" >/dev/null 2>&1; }

python=
for modules in "venv, ensurepip" "venv, pip"; do
    for candidate in "${PYTHON:-}" python3.13 python3.12 python3.11 python3 python; do
        if [ -n "$candidate" ] && runs "$candidate" && has "$candidate" "$modules"; then python=$candidate; break 2; fi
    done
done
if [ -z "$python" ]; then
    echo "streamproc needs Python 3.11, 3.12 or 3.13 with its venv module, and found none on PATH." >&2
    echo "On Debian or Ubuntu the package python3-venv brings the module; PYTHON=/path/to/python names one." >&2
    exit 1
fi

home=.venv/.made-in
if [ ! -f "$home" ] || [ "$(cat "$home")" != "$(pwd)" ] || ! runs .venv/bin/python || ! has .venv/bin/python pip; then
    echo "==> Making .venv with $("$python" --version)"
    rm -rf .venv
    if has "$python" ensurepip; then
        "$python" -m venv .venv
    else
        "$python" -m venv --without-pip .venv
        "$python" -m pip --python .venv/bin/python install --quiet pip
    fi
    pwd >"$home"
fi

echo "==> Installing streamproc[$extras] into .venv (about a minute, once; log in .venv/setup.log)"
# Build tools are held to the same versions; which of the two names does that depends on pip's age.
export PIP_CONSTRAINT=constraints.txt PIP_BUILD_CONSTRAINT=constraints.txt
install() {
    .venv/bin/python -m pip install --disable-pip-version-check --progress-bar off "$@" >>.venv/setup.log 2>&1 || {
        tail -n 30 .venv/setup.log >&2
        echo "Installing failed; the lines above are the end of .venv/setup.log." >&2
        exit 1
    }
}
: >.venv/setup.log
install --editable ".[$extras]"
case ",$extras," in *,test,*) install --no-deps --requirement tests/data-requirements.txt ;; esac
printf '%s\n' "$fingerprint" >"$stamp"
