#!/usr/bin/env bats
# What of examples/ and python/ needs no links; the rest is in tests/net/examples.bats, tests/net/python.bats and
# tests/agent/example.bats.

bats_require_minimum_version 1.5.0
load cli

@test "the metrics that the exporter makes of a list of links" {
    PYTHONDONTWRITEBYTECODE=1 "$ROOT/tests/cli/examples_test.py" -v
}

@test "the Python package's messages, failures and batches; all Python is for 3.9" {
    PYTHONDONTWRITEBYTECODE=1 PYTHONWARNINGS=error "$ROOT/tests/cli/python_test.py" -v
}

@test "the shell example says how it is called" {
    run -1 "$ROOT/examples/link.sh" offer 1 7
    [[ $output == "link.sh: usage: link.sh offer|answer PID NET ADDRESS PORT"* ]]
    run -1 "$ROOT/examples/link.sh" both 1 7 192.0.2.1 5101
    [ "$output" = "link.sh: the first argument must be offer or answer" ]
}

@test "the example of two machines says how it is called, and in one line what is missing" {
    mkdir "$BATS_TEST_TMPDIR/bin"
    ln -s "$(command -v podman)" "$(command -v openssl)" "$(command -v ip)" "$BATS_TEST_TMPDIR/bin"
    PATH=$BATS_TEST_TMPDIR/bin run -1 "$BASH" "$ROOT/examples/fleet.sh" run
    [ "$output" = "fleet.sh: missing: etcd-server etcd-client busybox procps cwg (make install) net-admin-helper (make \
install)" ] || fail "$output"
    run -2 "$ROOT/examples/fleet.sh"
    [[ $output == *"fleet.sh run"*"cwg declare --etcd"* ]]
    run -2 "$ROOT/examples/fleet.sh" site 192.0.2.1 s1
    # A site has any number of peers. This one has ten, and nobody has made the users' passwords.
    cd "$BATS_TEST_TMPDIR"
    run -1 "$ROOT/examples/fleet.sh" site 192.0.2.1 s1 s{2..11}
    [[ $output == *"root.password: No such file"* ]] || fail "$output"
}
