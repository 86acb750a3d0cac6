#!/usr/bin/python3
"""What is pure in examples/: what cwg.py takes for a message, and what prometheus.py makes of a list of links."""

import json
import pathlib
import socket
import subprocess
import sys
import time
import unittest

from prometheus_client.parser import text_string_to_metric_families

EXAMPLES = pathlib.Path(__file__).resolve().parents[2] / "examples"
sys.path.insert(0, str(EXAMPLES))
import cwg  # noqa: E402
import prometheus  # noqa: E402

KEY = "A" * 42 + "E="
OFFER = {"cwg": 1, "kind": "offer", "net": 7, "host": 0, "address": "192.0.2.1", "port": 51801, "key": KEY}


class Messages(unittest.TestCase):
    def test_comes_back_as_it_was_sent(self):
        for message in (cwg.Message("offer", 0, 0, "192.0.2.1", 1, KEY),
                        cwg.Message("offer", 8388607, 1, "2001:db8::1", 65535, KEY),
                        cwg.Message("offer", 7, 1, None, 51801, KEY)):
            line = message.encode()
            self.assertEqual(cwg.Message.decode(line, "offer"), message)
            self.assertEqual(cwg.Message.decode(line.decode().strip(), "offer"), message)
            self.assertEqual(line.count(b"\n"), 1)
            self.assertLess(len(line), 200)

    def test_is_written_as_the_shell_example_reads_it(self):
        self.assertEqual(cwg.Message("offer", 7, 0, None, 51801, KEY).encode().decode(),
                         '{"cwg":1,"kind":"offer","net":7,"host":0,"address":null,"port":51801,"key":"%s"}\n' % KEY)

    def test_is_an_endpoint(self):
        for address, endpoint in (("192.0.2.1", "192.0.2.1:51801"), ("2001:db8::1", "[2001:db8::1]:51801"),
                                  (None, "-")):
            self.assertEqual(cwg.Message("offer", 7, 0, address, 51801, KEY).endpoint, endpoint)

    def test_has_its_address_in_the_usual_form(self):
        line = json.dumps({**OFFER, "address": "2001:0DB8:0:0::1"})
        self.assertEqual(cwg.Message.decode(line, "offer").address, "2001:db8::1")

    def refused(self, line, text):
        with self.assertRaises(cwg.Failure) as caught:
            cwg.Message.decode(line, "offer")
        self.assertIn(text, str(caught.exception))
        self.assertNotIn("evil", str(caught.exception))

    def test_is_refused_if_a_field_is_of_another_type_or_range(self):
        wrong = {
            "cwg": [0, 2, True, 1.0, "1", None, [1]],
            "kind": ["answer", "evil", None, 1, ["offer"]],
            "net": [-1, 8388608, 10**250, True, 7.0, "7", None, [7], {}],
            "host": [-1, 2, True, False, 0.0, "0", None],
            "address": ["", "evil", "192.0.2", "192.0.2.1:1", "192.0.2.256", "192.0.2.1 ", "192.0.2.1\n",
                        "[2001:db8::1]", "fe80::1%eth0", "2001:db8::1%1", 3221225985, True, ["192.0.2.1"],
                        "192.0.2.1/8", "--mtu=1", "١٩٢.0.2.1"],
            "port": [0, -1, 65536, True, 51801.0, "51801", None],
            "key": ["", "evil", KEY[:-1], KEY + "=", KEY + "\n", "A" * 42 + "B=", "A" * 44, None, 1, [KEY],
                    "-" + KEY[1:], "\u0410" + KEY[1:]],
        }
        texts = {"cwg": "another version", "kind": "is no offer"}
        for name, values in wrong.items():
            for value in values:
                with self.subTest(name=name, value=value):
                    self.refused(json.dumps({**OFFER, name: value}), texts.get(name, f"{name}: must be"))

    def test_is_refused_if_fields_are_missing_or_too_many(self):
        for name in OFFER:
            rest = {other: OFFER[other] for other in OFFER if other != name}
            self.refused(json.dumps(rest), "another version" if name == "cwg" else "other fields")
        self.refused(json.dumps({**OFFER, "evil": 1}), "other fields")
        self.refused(json.dumps(OFFER)[:-1] + ', "net": 8}', "no line of JSON")

    def test_is_refused_if_it_is_no_such_line(self):
        whole = json.dumps(OFFER)
        for line in (whole[:-1], whole + "evil", whole + whole, "evil", "{}{", b"\xff\xfe", whole.encode("utf-16"),
                     "NaN", "[" * 500, "{\"cwg\":" * 70, "1" * 500, b"\n", " "):
            self.refused(line, "the other site's message is no")
        self.refused("", "hung up")
        self.refused(b"", "hung up")
        self.refused(" " * 500 + whole, "too long")
        self.refused("9" * 100000, "too long")
        for value in ("[]", "1", "null", "\"evil\"", whole.replace(", ", ",\n")):
            self.refused(value, "no line with one JSON object")


class OverSocket(unittest.TestCase):
    def setUp(self):
        self.here, self.there = socket.socketpair()
        self.addCleanup(self.here.close)
        self.addCleanup(self.there.close)
        self.transport = cwg.over_socket(self.here, 0.2)

    def test_a_line_may_come_in_parts(self):
        self.there.sendall(b"one ")
        self.there.sendall(b"line\nmore")
        self.assertEqual(self.transport.receive(), b"one line\n")

    def test_what_has_no_end_is_not_read_on(self):
        self.there.sendall(b"x" * 100000)
        self.assertLess(len(self.transport.receive()), 3 * cwg.LINE_MAX)

    def test_the_other_site_hangs_up(self):
        self.there.sendall(b"half")
        self.there.close()
        self.assertEqual(self.transport.receive(), b"half")
        self.assertEqual(self.transport.receive(), b"")

    def test_the_other_site_is_silent_or_slow(self):
        start = time.monotonic()
        with self.assertRaises(socket.timeout):
            self.transport.receive()
        self.assertLess(time.monotonic() - start, 2)

    def test_time_goes_on_while_bytes_come_singly(self):
        program = "import sys, time\nwhile True: print(end='x', flush=True); time.sleep(0.05)"
        with subprocess.Popen([sys.executable, "-c", program], stdout=self.there, stderr=subprocess.DEVNULL) as child:
            start = time.monotonic()
            try:
                with self.assertRaises(socket.timeout):
                    self.transport.receive()
            finally:
                child.kill()
            self.assertLess(time.monotonic() - start, 2)


class Helpers(unittest.TestCase):
    def test_a_failure_has_the_helpers_own_line(self):
        with self.assertRaisesRegex(cwg.Failure, "^net-admin-helper: what is wrong$"):
            cwg.Helper(["sh", "-c", "echo net-admin-helper: what is wrong >&2; echo Usage: >&2; exit 1"]).run("task")

    def test_a_failure_has_the_code_that_the_last_line_tells(self):
        for output, code in (('{"code":"exists","message":"it is there"}', "exists"),
                             ("[]\n" '{"code":"incomplete"}', "incomplete"), ("", None), ("evil", None),
                             ("[1]", None), ("{}", None), ('{"code":1}', None), ("7", None)):
            with self.assertRaises(cwg.Failure) as caught:
                cwg.Helper(["sh", "-c", f"echo '{output}'; echo what is wrong >&2; exit 1"]).run("task")
            self.assertEqual((str(caught.exception), caught.exception.code), ("what is wrong", code))

    def test_one_that_can_not_be_run_or_is_killed_is_a_failure(self):
        for command in ("/nowhere/net-admin-helper", "/etc/passwd", "a\0b"):
            with self.assertRaisesRegex(cwg.Failure, "^can't run "):
                cwg.Helper(command).run("task")
        with self.assertRaisesRegex(cwg.Failure, "^sh: ended with status -9$"):
            cwg.Helper(["sh", "-c", "kill -9 $$"]).run("task")

    def test_a_key_that_is_none_is_given_to_nobody(self):
        with self.assertRaisesRegex(cwg.Failure, "^preshared key: must be 44 characters") as caught:
            cwg.Helper("true").connect(1, 7, 1, "192.0.2.2:1", KEY, preshared_key="secret")
        self.assertNotIn("secret", repr(caught.exception))
        self.assertNotIn("secret", repr(cwg.Site(1, None, preshared_key="secret")))

    def test_an_answer_to_create_that_is_none_has_the_link_removed(self):
        for port, answer in ((5000, "evil"), (0, "evil"), (0, "[]"), (0, '{"listen_port": 0, "public_key": "x"}')):
            calls = []
            helper = cwg.Helper(["sh", "-c", f"[ $0 = cwg_destroy ] || echo '{answer}'"])
            start = helper._start
            helper._start = lambda *words, **more: (calls.append(words), start(*words, **more))[1]
            with self.assertRaises(cwg.Failure):
                helper.create(1, 7, 0, port)
            self.assertEqual(calls[1:], [("cwg_destroy", 1, 7, 0, "--json")])

    def test_each_task_is_asked_for_json(self):
        for call in (lambda helper: helper.create(1, 7, 0), lambda helper: helper.connect(1, 7, 1, "192.0.2.2:1", KEY),
                     lambda helper: helper.connect(1, 7, 1, "192.0.2.2:1", KEY, preshared_key=KEY, mtu=1280),
                     lambda helper: helper.destroy(1, 7, 0), lambda helper: helper.destroy_all(1),
                     lambda helper: helper.wait(1, 7, 0), lambda helper: helper.show(1), lambda helper: helper.links()):
            program = 'case "$*" in *--json*) echo "{\\"code\\":\\"exists\\"}" ;; esac; echo no >&2; exit 1'
            with self.assertRaises(cwg.Failure) as caught:
                call(cwg.Helper(["sh", "-c", program]))
            self.assertEqual(caught.exception.code, "exists")

    def test_a_link_whose_container_has_ended_is_destroyed(self):
        for code, is_failure in (("no-such-process", False), ("no-such-link", True), ("system", True)):
            created = json.dumps({"listen_port": 51801, "public_key": KEY})
            program = f"case $0 in cwg_create) echo '{created}' ;; *) echo '{{\"code\":\"{code}\"}}'; exit 1 ;; esac"
            link = cwg.Link(cwg.Site(1, "192.0.2.1", helper=cwg.Helper(["sh", "-c", program])), 7, 0)
            if is_failure:
                self.assertRaises(cwg.Failure, link.destroy)
            else:
                link.destroy()
                link.destroy()


def link(**fields):
    return {"pid": 4711, "container": "0123456789ab", "name": "wg-7-0", "net": 7, "host": 0, "address": "10.0.0.14",
            "backend": "kernel", "state": "connected", "up": True, "mtu": 1420, "public_key": KEY, "listen_port": 51801,
            "peers": 1, "peer": {"public_key": KEY, "endpoint": "192.0.2.2:51802", "allowed_ips": ["10.0.0.15/32"],
                                 "persistent_keepalive": 25, "has_preshared_key": False,
                                 "latest_handshake": 1732445000, "latest_handshake_age": 12},
            "received_bytes": 2**60 + 1, "received_packets": 2, "sent_bytes": 3, "sent_packets": 4, **fields}


class Metrics(unittest.TestCase):
    def parsed(self, links):
        done = subprocess.run([EXAMPLES / "prometheus.py"], input=json.dumps(links), capture_output=True, text=True,
                              check=True)
        self.text = done.stdout
        self.families = {family.name: family for family in text_string_to_metric_families(done.stdout)}
        return {(sample.name, sample.labels.get("name"), sample.labels.get("state")): sample
                for family in self.families.values() for sample in family.samples}

    def test_all_of_a_link(self):
        samples = self.parsed([link()])
        labels = {"name": "wg-7-0", "net": "7", "host": "0", "container": "0123456789ab"}
        for name, value in (("up", 1), ("peers", 1), ("mtu_bytes", 1420), ("persistent_keepalive_seconds", 25),
                            ("latest_handshake_timestamp_seconds", 1732445000), ("receive_bytes_total", 2**60 + 1),
                            ("receive_packets_total", 2), ("transmit_bytes_total", 3), ("transmit_packets_total", 4)):
            sample = samples[(f"cwg_link_{name}", "wg-7-0", None)]
            self.assertEqual((sample.labels, sample.value), (labels, float(value)), name)
        self.assertIn(f'container="0123456789ab"}} {2**60 + 1}\n', self.text)
        self.assertEqual(samples[("cwg_link_info", "wg-7-0", None)].labels,
                         {**labels, "backend": "kernel", "address": "10.0.0.14"})
        self.assertEqual({state: sample.value for (name, _, state), sample in samples.items() if state},
                         {state: int(state == "connected") for state in prometheus.STATES})
        self.assertEqual(samples[("cwg_links", None, None)].value, 1)
        for name, family in self.families.items():
            self.assertEqual(family.type, "counter" if "bytes" in name and "mtu" not in name or "packets" in name
                             else "gauge", name)
            self.assertTrue(family.documentation.endswith("."), name)

    def test_what_is_not_there_is_0(self):
        samples = self.parsed([link(peer=None, peers=0, up=False, state="waiting for connect", public_key=None,
                                    listen_port=None), link(name="wg-8-0", peer={**link()["peer"],
                                                                                 "latest_handshake": None})])
        for name in ("wg-7-0", "wg-8-0"):
            self.assertEqual(samples[("cwg_link_latest_handshake_timestamp_seconds", name, None)].value, 0)
        self.assertEqual(samples[("cwg_link_up", "wg-7-0", None)].value, 0)
        self.assertEqual(samples[("cwg_link_state", "wg-7-0", "waiting for connect")].value, 1)

    def test_no_links(self):
        self.assertEqual({key: sample.value for key, sample in self.parsed([]).items()}, {("cwg_links", None, None): 0})

    def test_a_state_that_is_not_known_yet_is_told(self):
        samples = self.parsed([link(state="sleeping")])
        self.assertEqual(samples[("cwg_link_state", "wg-7-0", "sleeping")].value, 1)
        self.assertEqual(samples[("cwg_link_state", "wg-7-0", "connected")].value, 0)

    def test_labels_are_escaped(self):
        name = 'a"b\\n\\\nc'
        self.assertIn(("cwg_link_up", name, None), self.parsed([link(name=name)]))
        self.assertIn('name="a\\"b\\\\n\\\\\\nc"', self.text)

    def test_no_two_series_are_the_same(self):
        self.parsed([link(container=None, pid=2), link(container=None, pid=1), link(pid=3), link(pid=4), link(pid=5),
                     link(container="web-1", pid=6), link(container="web-1", name="wg-8-0", net=8, pid=6)])
        self.assertEqual([(sample.labels["container"], sample.labels.get("number"))
                          for sample in self.families["cwg_link_up"].samples],
                         [("", "2"), ("", None), ("0123456789ab", None), ("0123456789ab", "2"), ("0123456789ab", "3"),
                          ("web-1", None), ("web-1", None)])
        lines = [row.rpartition(" ")[0] for row in self.text.splitlines()]
        self.assertEqual(len(lines), len(set(lines)))

    def test_the_series_of_a_container_that_is_started_again_go_on(self):
        before = self.parsed([link(pid=4711), link(container=None, pid=100), link(container=None, pid=200)])
        series = {(name, tuple(sample.labels.items())) for (name, _, _), sample in before.items()}
        after = self.parsed([link(pid=815), link(container=None, pid=300), link(container=None, pid=400)])
        self.assertEqual(series, {(name, tuple(sample.labels.items())) for (name, _, _), sample in after.items()})
        self.assertNotIn("815", "".join(row for row in self.text.splitlines() if "cwg_link_process" not in row))

    def test_the_process_is_a_value(self):
        for pid in (4711, 815):
            self.assertEqual(self.parsed([link(pid=pid)])[("cwg_link_process", "wg-7-0", None)].value, pid)

    def test_cwg_show_has_neither_pid_nor_container(self):
        shown = link()
        del shown["pid"], shown["container"]
        self.parsed([shown])

    def test_each_name_has_its_samples_in_one_piece(self):
        self.parsed([link(), link(name="wg-8-0", net=8)])
        order = [row.partition("{")[0] for row in self.text.splitlines() if not row.startswith("#")]
        runs = [name for i, name in enumerate(order) if i == 0 or order[i - 1] != name]
        self.assertEqual(len(runs), len(set(runs)))

    def test_what_is_no_list_of_links_writes_nothing(self):
        for text in ("", "[", "{}x", "[1]", "[{}]", "null", '{"a": 1}', json.dumps([link(mtu=None)])):
            done = subprocess.run([EXAMPLES / "prometheus.py"], input=text, capture_output=True, text=True)
            self.assertEqual((done.returncode, done.stdout, done.stderr.count("\n")), (1, "", 1), text)


if __name__ == "__main__":
    unittest.main()
