#!/bin/sh
# Compiles the modules that every event passes through (pyproject.toml lists them) into .compiled: the package as the
# image has it, beside the sources, which stay as they are. Python finds it there first with
#     PYTHONSAFEPATH=1 PYTHONPATH="$PWD/.compiled" .venv/bin/python -m ...
# Says nothing and takes a moment when nothing changed. Needs .venv with the extra "test", a C compiler and Python's headers.
set -eu
cd "$(dirname "$0")/.."
sources="pyproject.toml hatch_build.py constraints.txt README.md LICENSE streamproc policy topics"
made=.compiled/.made-from

fingerprint=$(
    .venv/bin/python -VV
    find $sources -type f ! -name "*.py[co]" | LC_ALL=C sort | tr "\n" "\0" | xargs -0 cksum
)
if [ -f "$made" ] && [ "$(cat "$made")" = "$fingerprint" ]; then exit 0; fi

headers=$(.venv/bin/python -c "import sysconfig; print(sysconfig.get_path('include'))")/Python.h
if ! command -v "${CC:-cc}" >/dev/null || [ ! -f "$headers" ]; then
    echo "Compiling needs a C compiler (${CC:-cc}) and Python's headers ($headers)." >&2
    echo "On Debian or Ubuntu the packages gcc and python3-dev bring them; CC=/path/to/compiler names another." >&2
    exit 1
fi

echo "==> Compiling the hot modules into .compiled (two minutes, after each change; log in .compiled.log)"
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
mkdir "$work/source"
# From a copy: what compiles leaves libraries beside the sources, where they would hide later changes.
cp -R $sources "$work/source"
find "$work/source" -name "*.so" -delete
HATCH_BUILD_HOOK_ENABLE_MYPYC=1 .venv/bin/python -m pip wheel --disable-pip-version-check --no-build-isolation \
    --no-deps --wheel-dir "$work" "$work/source" >.compiled.log 2>&1 || {
    tail -n 30 .compiled.log >&2
    echo "Compiling failed; the lines above are the end of .compiled.log." >&2
    exit 1
}
rm -rf .compiled
.venv/bin/python -m zipfile -e "$work"/*.whl .compiled
printf '%s\n' "$fingerprint" >"$made"
