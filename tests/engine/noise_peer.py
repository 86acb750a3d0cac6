#!/usr/bin/env python3
"""The other end of a handshake, written from the WireGuard paper (section 5.4), against noise_driver.

    noise_peer.py <driver> <case>        exits with 0 if all is as it should be
    noise_peer.py <driver>               all cases

Shares no code with the engine: BLAKE2s is hashlib's, HMAC is hmac's, Curve25519 and ChaCha20-Poly1305 are those of
python3-cryptography, HChaCha20 is below. Of every message all bytes are compared, for given ephemeral keys.
"""

import hashlib
import hmac
import random
import struct
import subprocess
import sys

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey, X25519PublicKey
from cryptography.hazmat.primitives.ciphers.aead import ChaCha20Poly1305
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

CONSTRUCTION = b"Noise_IKpsk2_25519_ChaChaPoly_BLAKE2s"
IDENTIFIER = b"WireGuard v1 zx2c4 Jason@zx2c4.com"
ROUNDS = 20
SECOND = 10**9

# The values are the same each time.
RANDOM = random.Random(1)


def blake2s(data):
    return hashlib.blake2s(data).digest()


def mac(key, data):
    return hashlib.blake2s(data, key=key, digest_size=16).digest()


def kdf(key, data, count):
    secret = hmac.new(key, data, hashlib.blake2s).digest()
    keys, last = [], b""
    for number in range(1, count + 1):
        last = hmac.new(secret, last + bytes([number]), hashlib.blake2s).digest()
        keys.append(last)
    return keys


def public(private):
    key = X25519PrivateKey.from_private_bytes(private).public_key()
    return key.public_bytes(Encoding.Raw, PublicFormat.Raw)


def shared(private, other):
    return X25519PrivateKey.from_private_bytes(private).exchange(X25519PublicKey.from_public_bytes(other))


def nonce(counter):
    return struct.pack("<LQ", 0, counter)


def seal(key, counter, plain, extra=b""):
    return ChaCha20Poly1305(key).encrypt(nonce(counter), plain, extra)


def unseal(key, counter, sealed, extra=b""):
    return ChaCha20Poly1305(key).decrypt(nonce(counter), sealed, extra)


def hchacha20(key, data):
    words = list(struct.unpack("<16L", b"expand 32-byte k" + key + data))

    def turn(to, plus, mixed, bits):
        words[to] = (words[to] + words[plus]) & 0xFFFFFFFF
        word = words[mixed] ^ words[to]
        words[mixed] = (word << bits | word >> 32 - bits) & 0xFFFFFFFF

    for _ in range(10):
        for a, b, c, d in (
            *((i, 4 + i, 8 + i, 12 + i) for i in range(4)),
            *((i, 4 + (i + 1) % 4, 8 + (i + 2) % 4, 12 + (i + 3) % 4) for i in range(4)),
        ):
            turn(a, b, d, 16)
            turn(c, d, b, 12)
            turn(a, b, d, 8)
            turn(c, d, b, 7)
    return struct.pack("<8L", *words[:4], *words[12:])


def xseal(key, long_nonce, plain, extra):
    derived = hchacha20(key, long_nonce[:16])
    return ChaCha20Poly1305(derived).encrypt(bytes(4) + long_nonce[16:], plain, extra)


def xunseal(key, long_nonce, sealed, extra):
    derived = hchacha20(key, long_nonce[:16])
    return ChaCha20Poly1305(derived).decrypt(bytes(4) + long_nonce[16:], sealed, extra)


class Handshake:
    """The steps of Noise, for either role."""

    def __init__(self, responder):
        self.chain = blake2s(CONSTRUCTION)
        self.hash = blake2s(blake2s(self.chain + IDENTIFIER) + responder)
        self.key = None

    def mix_hash(self, data):
        self.hash = blake2s(self.hash + data)

    def mix_ephemeral(self, key):
        self.mix_hash(key)
        (self.chain,) = kdf(self.chain, key, 1)

    def mix_key(self, secret):
        self.chain, self.key = kdf(self.chain, secret, 2)

    def mix_preshared(self, key):
        self.chain, tau, self.key = kdf(self.chain, key, 3)
        self.mix_hash(tau)

    def seal(self, plain):
        sealed = seal(self.key, 0, plain, self.hash)
        self.mix_hash(sealed)
        return sealed

    def unseal(self, sealed):
        plain = unseal(self.key, 0, sealed, self.hash)
        self.mix_hash(sealed)
        return plain

    def session(self, initiator):
        """The keys to send and to receive."""
        first, second = kdf(self.chain, b"", 2)
        return (first, second) if initiator else (second, first)


class Peer:
    """An end that knows one other end."""

    def __init__(self, private):
        self.private, self.public = private, public(private)
        self.other = None
        self.preshared = bytes(32)
        self.cookie = None

    def macs(self, message):
        message += mac(blake2s(b"mac1----" + self.other), message)
        return message + (mac(self.cookie, message) if self.cookie else bytes(16))

    def initiate(self, index, ephemeral, timestamp):
        self.index, self.ephemeral = index, ephemeral
        self.handshake = h = Handshake(self.other)
        message = struct.pack("<LL", 1, index) + public(ephemeral)
        h.mix_ephemeral(public(ephemeral))
        h.mix_key(shared(ephemeral, self.other))
        message += h.seal(self.public)
        h.mix_key(shared(self.private, self.other))
        message += h.seal(timestamp)
        return self.macs(message)

    def read_initiation(self, message):
        """Says who sent the initiation, and when."""
        kind, self.remote = struct.unpack("<LL", message[:8])
        assert kind == 1 and len(message) == 148
        self.handshake = h = Handshake(self.public)
        self.remote_ephemeral = message[8:40]
        h.mix_ephemeral(self.remote_ephemeral)
        h.mix_key(shared(self.private, self.remote_ephemeral))
        sender = h.unseal(message[40:88])
        h.mix_key(shared(self.private, sender))
        return sender, h.unseal(message[88:116])

    def respond(self, index, ephemeral):
        self.index = index
        h = self.handshake
        message = struct.pack("<LLL", 2, index, self.remote) + public(ephemeral)
        h.mix_ephemeral(public(ephemeral))
        h.mix_key(shared(ephemeral, self.remote_ephemeral))
        h.mix_key(shared(ephemeral, self.other))
        h.mix_preshared(self.preshared)
        return self.macs(message + h.seal(b""))

    def read_response(self, message):
        kind, self.remote, receiver = struct.unpack("<LLL", message[:12])
        assert kind == 2 and receiver == self.index and len(message) == 92
        h = self.handshake
        h.mix_ephemeral(message[12:44])
        h.mix_key(shared(self.ephemeral, message[12:44]))
        h.mix_key(shared(self.private, message[12:44]))
        h.mix_preshared(self.preshared)
        assert h.unseal(message[44:60]) == b""

    def make_cookie(self, message, index, source, secret, long_nonce):
        sealed = xseal(blake2s(b"cookie--" + self.public), long_nonce, mac(secret, source), message[-32:-16])
        return struct.pack("<LL", 3, index) + long_nonce + sealed

    def read_cookie(self, sent, reply):
        kind, receiver = struct.unpack("<LL", reply[:8])
        assert kind == 3 and receiver == self.index
        self.cookie = xunseal(blake2s(b"cookie--" + self.other), reply[8:32], reply[32:], sent[-32:-16])


class Driver:
    """The engine's end."""

    def __init__(self, path):
        self.process = subprocess.Popen([path], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)

    def __enter__(self):
        return self

    def __exit__(self, *error):
        self.process.stdin.close()
        code = self.process.wait()
        self.process.stdout.close()
        assert code == 0 or error[0], f"the driver ended with {code}"

    def ask(self, *values):
        """Sends a command, and returns the answer as text."""
        words = [(value.hex() or "-") if isinstance(value, bytes) else str(value) for value in values]
        self.process.stdin.write(" ".join(words) + "\n")
        self.process.stdin.flush()
        return self.process.stdout.readline().strip()

    def bytes(self, *values):
        answer = self.ask(*values)
        return b"" if answer == "-" else bytes.fromhex(answer)


def expect(found, wanted, what):
    if found != wanted:
        shown = [value.hex() if isinstance(value, bytes) else value for value in (found, wanted)]
        sys.exit(f"{what}:\n  it is {shown[0]}\n  not   {shown[1]}")


def clamped():
    """Returns a private key with the fixed bits of Curve25519."""
    key = bytearray(RANDOM.randbytes(32))
    key[0] &= 248
    key[31] = key[31] & 127 | 64
    return bytes(key)


def index():
    return RANDOM.choice([0, 1, 0x01020304, 0xFFFFFFFF, RANDOM.getrandbits(32)])


def timestamp(number):
    """TAI64N."""
    return struct.pack(">QL", 2**62 + 10 + number, RANDOM.getrandbits(29))


def meet(driver, preshared):
    """Makes two ends that know each other: ours, and a model of the driver's."""
    peer, model = Peer(clamped()), Peer(clamped())
    peer.other, model.other = model.public, peer.public
    expect(driver.bytes("new", model.private), model.public, "public key")
    expect(driver.ask("peer", peer.public), "yes", "peer")
    if preshared:
        peer.preshared = model.preshared = RANDOM.randbytes(32)
        expect(driver.ask("preshared", peer.preshared), "yes", "preshared key")
    return peer, model


def expect_session(driver, peer, role):
    send, receive = peer.handshake.session(role == "responder")  # ours is the other role
    wanted = f"{role} {receive.hex()} {send.hex()} {peer.remote} {peer.index}"
    expect(driver.ask("session"), wanted, "session")
    expect(driver.ask("session"), "no", "the same session again")
    return send, receive


def as_initiator(driver, preshared):
    """The driver begins. Returns the keys by which we send and receive."""
    peer, model = meet(driver, preshared)
    local, ephemeral, when = index(), clamped(), timestamp(0)
    message = driver.bytes("initiate", local, ephemeral, when, 0)
    expect(message, model.initiate(local, ephemeral, when), "initiation")
    expect(peer.read_initiation(message), (model.public, when), "who and when")
    response = peer.respond(index(), clamped())
    expect(driver.ask("check", response, 0, bytes(18), 0), "mac", "mac1 of the response")
    expect(driver.ask("read-response", response), "accepted", "response")
    expect(driver.ask("read-response", response), "forged", "the same response again")
    return expect_session(driver, peer, "initiator")


def as_responder(driver, preshared):
    """The driver answers."""
    peer, model = meet(driver, preshared)
    message = peer.initiate(index(), clamped(), timestamp(0))
    expect(driver.ask("check", message, 0, bytes(18), 0), "mac", "mac1 of the initiation")
    expect(driver.ask("read-initiation", message), "accepted", "initiation")
    expect(driver.ask("read-initiation", message), "replayed", "the same initiation again")
    expect(model.read_initiation(message)[0], peer.public, "who")
    local, ephemeral = index(), clamped()
    response = driver.bytes("respond", local, ephemeral, 0)
    expect(response, model.respond(local, ephemeral), "response")
    peer.read_response(response)
    return expect_session(driver, peer, "responder")


def changed(message, end):
    """Changes one bit before `end`."""
    place = RANDOM.randrange(end)
    return message[:place] + bytes([message[place] ^ 1 << RANDOM.randrange(8)]) + message[place + 1 :]


def mismatch(driver):
    """The driver refuses an end with another preshared key, and strangers."""
    peer, model = meet(driver, True)
    peer.preshared = bytes(32)
    message = driver.bytes("initiate", 1, clamped(), timestamp(0), 0)
    peer.read_initiation(message)
    expect(driver.ask("read-response", peer.respond(2, clamped())), "forged", "response without preshared key")
    stranger = Peer(clamped())
    stranger.other = model.public
    message = stranger.initiate(3, clamped(), timestamp(1))
    expect(driver.ask("check", message, 0, bytes(18), 0), "mac", "mac1 of a stranger")
    expect(driver.ask("read-initiation", message), "forged", "initiation of a stranger")
    stranger.public = peer.public  # claims to be the peer
    expect(driver.ask("read-initiation", stranger.initiate(3, clamped(), timestamp(1))), "forged", "impostor")
    peer.public = public(clamped())  # the peer itself with another key
    expect(driver.ask("read-initiation", peer.initiate(3, clamped(), timestamp(1))), "forged", "another name")


def no_peer(driver):
    """An end without a peer refuses a sender whose key, and the secret shared with it, are zeros."""
    model = Peer(clamped())
    driver.bytes("new", model.private)
    h, ephemeral = Handshake(model.public), clamped()
    message = struct.pack("<LL", 1, 1) + public(ephemeral)
    h.mix_ephemeral(public(ephemeral))
    h.mix_key(shared(ephemeral, model.public))
    message += h.seal(bytes(32))
    h.mix_key(bytes(32))
    message += h.seal(timestamp(0)) + bytes(32)
    expect(driver.ask("read-initiation", message), "forged", "initiation from nobody")


def timestamps(driver):
    """The driver accepts only newer timestamps, and a forged initiation changes nothing."""
    peer, _ = meet(driver, False)
    for when, wanted in ((5, "accepted"), (4, "replayed"), (6, "accepted"), (5, "replayed"), (7, "accepted")):
        message = peer.initiate(when, clamped(), timestamp(when))
        expect(driver.ask("read-initiation", message[:-60] + changed(message[-60:], 28)), "forged", "changed")
        expect(driver.ask("read-initiation", message), wanted, f"timestamp {when}")


def cookies(driver):
    """Cookies of each side are right, and valid for the right time."""
    peer, model = meet(driver, False)
    source = RANDOM.randbytes(18)
    # the driver's cookie for us
    secret, long_nonce, sender = RANDOM.randbytes(32), RANDOM.randbytes(24), index()
    message = peer.initiate(sender, clamped(), timestamp(0))
    expect(driver.ask("check", message, 1, source, 0), "mac", "no cookie yet")
    reply = driver.bytes("make-cookie", message, sender, source, secret, long_nonce, 0)
    expect(reply, model.make_cookie(message, sender, source, secret, long_nonce), "cookie")
    peer.read_cookie(message, reply)
    message = peer.initiate(index(), clamped(), timestamp(1))
    for load, place, when, wanted in (
        (1, source, 0, "cookie"),
        (0, source, 0, "mac"),
        (1, changed(source, 18), 0, "mac"),
        (1, source, 119 * SECOND, "cookie"),
        (1, source, 120 * SECOND, "mac"),
    ):
        expect(driver.ask("check", message, load, place, when), wanted, f"mac2 at {when}")
    expect(driver.ask("check", changed(message, 132), 1, source, 0), "invalid", "mac1 of a changed message")
    # our cookie for the driver
    local, ephemeral, when = 77, clamped(), timestamp(2)
    message = driver.bytes("initiate", local, ephemeral, when, 0)
    reply = peer.make_cookie(message, local, source, secret, RANDOM.randbytes(24))
    expect(driver.ask("read-cookie", reply[:8] + changed(reply[8:], 56), SECOND), "no", "forged cookie")
    expect(driver.ask("read-cookie", reply, SECOND), "yes", "cookie")
    expect(driver.ask("read-cookie", reply, SECOND), "no", "the same cookie again")
    for now, cookie in ((SECOND, True), (115 * SECOND, True), (116 * SECOND, False)):
        model.cookie = mac(secret, source) if cookie else None
        found = driver.bytes("initiate", local, ephemeral, when, now)
        expect(found, model.initiate(local, ephemeral, when), f"initiation at {now}")


def packets(driver):
    """Data passes both ways, with every length up to some blocks."""
    send, receive = as_initiator(driver, True)
    for length in [*range(0, 140), 1420, 1500]:
        counter = RANDOM.choice([length, 2**32 + length, 2**64 - 2**13 - 2 - length, RANDOM.getrandbits(64)])
        plain = RANDOM.randbytes(length)
        expect(driver.bytes("seal", counter, plain), seal(receive, counter, plain), f"{length} bytes sealed")
        sealed = seal(send, counter, plain)
        expect(driver.bytes("open", counter, sealed), plain, f"{length} bytes opened")
        expect(driver.ask("open", counter, changed(sealed, len(sealed))), "forged", f"{length} bytes, one bit changed")
        expect(driver.ask("open", counter ^ 1, sealed), "forged", f"{length} bytes, another counter")
        expect(driver.ask("open", counter, sealed[:-1]), "forged", f"{length} bytes, one less")


def rounds(case, *values):
    def run(driver):
        for _ in range(ROUNDS):
            case(driver, *values)

    return run


CASES = {
    "initiator": rounds(as_initiator, False),
    "initiator-preshared": rounds(as_initiator, True),
    "responder": rounds(as_responder, False),
    "responder-preshared": rounds(as_responder, True),
    "mismatch": rounds(mismatch),
    "no-peer": rounds(no_peer),
    "timestamps": rounds(timestamps),
    "cookies": rounds(cookies),
    "packets": packets,
}


def main():
    if len(sys.argv) not in (2, 3):
        sys.exit(__doc__)
    for name in sys.argv[2:] or CASES:
        with Driver(sys.argv[1]) as driver:
            try:
                CASES[name](driver)
            except InvalidTag:
                sys.exit(f"{name}: what the driver sealed can't be opened")
            print(f"{name}: ok")


if __name__ == "__main__":
    main()
