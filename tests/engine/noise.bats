#!/usr/bin/env bats
# An implementation in another language (noise_peer.py) checks the engine's handshake, cookies and packets, byte by
# byte. noise_driver.c makes the engine's side a program.

bats_require_minimum_version 1.5.0

PEER=$BATS_TEST_DIRNAME/noise_peer.py
NOISE_DRIVER=$BATS_TEST_DIRNAME/../../build/tools/noise-driver

setup()
{
    [ -x "$NOISE_DRIVER" ] || { echo "NOISE_DRIVER isn't a program: '$NOISE_DRIVER'"; return 1; }
}

@test "each byte of the engine's initiation, and its session's keys, are right" {
    python3 "$PEER" "$NOISE_DRIVER" initiator
}

@test "each byte of the engine's initiation with a preshared key is right" {
    python3 "$PEER" "$NOISE_DRIVER" initiator-preshared
}

@test "each byte of the engine's response, and its session's keys, are right" {
    python3 "$PEER" "$NOISE_DRIVER" responder
}

@test "each byte of the engine's response with a preshared key is right" {
    python3 "$PEER" "$NOISE_DRIVER" responder-preshared
}

@test "the engine refuses strangers, impostors and another preshared key" {
    python3 "$PEER" "$NOISE_DRIVER" mismatch
}

@test "an engine without a peer accepts no initiation" {
    python3 "$PEER" "$NOISE_DRIVER" no-peer
}

@test "the engine accepts only initiations with a newer timestamp" {
    python3 "$PEER" "$NOISE_DRIVER" timestamps
}

@test "cookies of the engine and for the engine are right, and valid for the right time" {
    python3 "$PEER" "$NOISE_DRIVER" cookies
}

@test "data packets of the engine and for the engine are right" {
    python3 "$PEER" "$NOISE_DRIVER" packets
}
