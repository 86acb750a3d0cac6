#!/usr/bin/python3
"""What prometheus.py makes of a list of links."""

import json
import pathlib
import subprocess
import sys
import unittest

from prometheus_client.parser import text_string_to_metric_families

EXAMPLES = pathlib.Path(__file__).resolve().parents[2] / "examples"
sys.path.insert(0, str(EXAMPLES))
import prometheus  # noqa: E402

KEY = "A" * 42 + "E="


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
