#!/usr/bin/env bats
# Whether the schema of what is said in JSON has all words that the program has. That what the tasks say is as the
# schema has it is tested with them, in tests/net.

bats_require_minimum_version 1.5.0
load cli

# The words of an "enum" of the schema: words_of EXPRESSION
words_of()
{
    python3 -c '
import json, sys
defs = json.load(open(sys.argv[1]))["$defs"]
print(*sorted(eval(sys.argv[2])), sep="\n")' "$ROOT/doc/net-admin-helper.schema.json" "$1"
}

# The words of a table in a source: words_in FILE PREFIX
words_in()
{
    grep -oE "\[$2_[A-Z_]+\] = \"[^\"]+\"" "$ROOT/src/helper/$1" | cut -d '"' -f 2 | sort
}

@test "the schema has each code that a failure may have, and no other" {
    [ "$(words_in base/failure.c FAILURE | wc -l)" -gt 30 ]
    diff <(words_of 'defs["failure"]["properties"]["code"]["enum"]') <(words_in base/failure.c FAILURE)
}

@test "the schema has each state that a link may be in, and no other" {
    [ "$(words_in backend/status.c STATE | wc -l)" -ge 8 ]
    diff <(words_of 'defs["link"]["properties"]["state"]["enum"]') <(words_in backend/status.c STATE)
}

@test "a failure is a line of JSON as the schema has it, whatever the task" {
    local task
    for task in cwg_show cwg_list cwg_create; do
        run -1 --separate-stderr "$ROOT/build/$NAME" "$task" --json --no-such-option
        "$ROOT/tests/lib/said.py" failure 'it["code"]' <<<"$output" | grep -qx usage
    done
}
