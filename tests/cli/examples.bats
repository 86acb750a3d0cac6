#!/usr/bin/env bats
# What of examples/ needs no links; the rest is in tests/net/examples.bats.

bats_require_minimum_version 1.5.0
load cli

@test "what the Python takes for a message of the other site, and what it makes of a list of links" {
    PYTHONDONTWRITEBYTECODE=1 "$ROOT/tests/cli/examples_test.py" -v
}

@test "the examples' Python is for 3.9" {
    python3 - "$ROOT"/examples/*.py <<'PYTHON'
import ast, sys
for path in sys.argv[1:]:
    with open(path) as file:
        ast.parse(file.read(), path, feature_version=(3, 9))
PYTHON
}

@test "the shell example says how it is called" {
    run -1 "$ROOT/examples/link.sh" offer 1 7
    [[ $output == "link.sh: usage: link.sh offer|answer PID NET ADDRESS PORT"* ]]
    run -1 "$ROOT/examples/link.sh" both 1 7 192.0.2.1 5101
    [ "$output" = "link.sh: the first argument must be offer or answer" ]
}
