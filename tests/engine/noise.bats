#!/usr/bin/env bats
# The handshake, cookies and packets against an implementation in another language (noise_peer.py), byte by byte.
# The program of ours is made of noise_driver.c.

bats_require_minimum_version 1.5.0

PEER=$BATS_TEST_DIRNAME/noise_peer.py
NOISE_DRIVER=$BATS_TEST_DIRNAME/../../build/tools/noise-driver

setup()
{
    [ -x "$NOISE_DRIVER" ] || { echo "NOISE_DRIVER isn't a program: '$NOISE_DRIVER'"; return 1; }
}

@test "an initiator: each byte of the initiation, and the session's keys" {
    python3 "$PEER" "$NOISE_DRIVER" initiator
}

@test "an initiator with a preshared key" {
    python3 "$PEER" "$NOISE_DRIVER" initiator-preshared
}

@test "a responder: each byte of the response, and the session's keys" {
    python3 "$PEER" "$NOISE_DRIVER" responder
}

@test "a responder with a preshared key" {
    python3 "$PEER" "$NOISE_DRIVER" responder-preshared
}

@test "strangers, impostors and another preshared key are refused" {
    python3 "$PEER" "$NOISE_DRIVER" mismatch
}

@test "an end without a peer accepts no initiation" {
    python3 "$PEER" "$NOISE_DRIVER" no-peer
}

@test "initiations are accepted with newer timestamps only" {
    python3 "$PEER" "$NOISE_DRIVER" timestamps
}

@test "cookies of either side, and for how long they are good" {
    python3 "$PEER" "$NOISE_DRIVER" cookies
}

@test "data packets in both directions" {
    python3 "$PEER" "$NOISE_DRIVER" packets
}
