#!/bin/sh
# Prepares an installation once: the ID key, the topics, the policy. Running it again changes nothing.
set -eu

key=${STREAMPROC_ID_KEY_FILE:?names the file for the ID key}
if [ ! -s "$key" ]; then
    # Written beside and moved: a half-written key would be another key. With another key all caps begin anew, so an
    # existing one is never touched.
    python -c "import secrets; print(secrets.token_hex(32))" >"$key.new"
    mv "$key.new" "$key"
    echo "Made a new ID key in $key: keep a copy of it."
fi

streamproc topics apply
streamproc policy publish /etc/streamproc/policy
