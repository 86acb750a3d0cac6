#!/usr/bin/python3
"""What of the Python package needs no link: messages, failures, and what it makes of a helper's answers."""

import ast
import json
import pathlib
import signal
import socket
import subprocess
import sys
import threading
import tempfile
import time
import unittest
from unittest import mock

ROOT = pathlib.Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "python"))
import cwg  # noqa: E402

KEY = "A" * 42 + "E="
OFFER = {"cwg": 1, "kind": "offer", "net": 7, "host": 0, "address": "192.0.2.1", "port": 51801, "key": KEY}
SCHEMA = json.loads((ROOT / "doc/net-admin-helper.schema.json").read_text())["$defs"]
CREATED = json.dumps({"listen_port": 51801, "public_key": KEY})


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
        with self.assertRaisesRegex(cwg.Failure, "Permission denied: '/etc/passwd'; is this user in its group"):
            cwg.Helper("/etc/passwd").run("task")
        with self.assertRaisesRegex(cwg.Failure, "nowhere'$"):
            cwg.Helper("/nowhere").run("task")
        with self.assertRaisesRegex(cwg.Failure, "^sh: ended with status -9$"):
            cwg.Helper(["sh", "-c", "kill -9 $$"]).run("task")

    def test_a_key_that_is_none_is_given_to_nobody(self):
        with self.assertRaisesRegex(cwg.Failure, "^preshared key: must be 44 characters") as caught:
            cwg.Helper("true").connect(1, 7, 1, "192.0.2.2:1", KEY, preshared_key="secret")
        self.assertNotIn("secret", repr(caught.exception))
        self.assertNotIn("secret", repr(cwg.Site(1, None, preshared_key="secret")))

    def test_an_answer_to_create_that_is_none_has_the_link_removed(self):
        for port, answer in ((5000, "evil"), (0, "evil"), (0, "[]"), (0, '{"listen_port": 0, "public_key": "x"}')):
            helper = cwg.Helper(["sh", "-c", f"[ $0 = cwg_destroy ] || echo '{answer}'"])
            with mock.patch.object(helper, "start", wraps=helper.start) as start:
                with self.assertRaises(cwg.Failure):
                    helper.create(1, 7, 0, port)
            self.assertEqual([call.args[0] for call in start.call_args_list[1:]],
                             [["cwg_destroy", "1", "7", "0", "--json"]])

    def test_a_create_that_is_interrupted_leaves_no_link(self):
        helper = cwg.Helper("true")
        with mock.patch.object(helper, "result", side_effect=KeyboardInterrupt), \
                mock.patch.object(helper, "start", wraps=helper.start) as start:
            self.assertRaises(KeyboardInterrupt, helper.create, 1, 7, 0)
            self.assertRaises(KeyboardInterrupt, helper.show, 1)
        self.assertEqual([call.args[0][0] for call in start.call_args_list], ["cwg_create", "cwg_destroy", "cwg_show"])

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


class Failures(unittest.TestCase):
    def test_each_code_of_the_helper_has_one_class_and_no_class_has_another(self):
        classes = [kind for kind in vars(cwg.failures).values()
                   if isinstance(kind, type) and issubclass(kind, cwg.Failure) and kind.code is not None]
        self.assertEqual(sorted(kind.code for kind in classes), sorted(SCHEMA["failure"]["properties"]["code"]["enum"]))
        for kind in classes:
            self.assertEqual(kind.__name__, "".join(word.title() for word in kind.code.split("-")))
            self.assertIs(type(cwg.failures.of_code(kind.code, "text")), kind)

    def test_a_code_that_is_not_known_yet_is_told(self):
        failure = cwg.failures.of_code("from-the-future", "text")
        self.assertEqual((type(failure), failure.code, str(failure)), (cwg.Failure, "from-the-future", "text"))
        self.assertIsNone(cwg.Failure.code)

    def test_the_types_have_the_fields_of_the_schema(self):
        for kind, name in ((cwg.LinkStatus, "link"), (cwg.PeerStatus, "peer")):
            self.assertEqual(sorted(kind.__annotations__), sorted(SCHEMA[name]["required"]))
        self.assertEqual(sorted(cwg.ListedLink.__annotations__),
                         sorted(SCHEMA["link"]["required"] + SCHEMA["list"]["items"]["required"]))

    def test_the_public_names_are_there(self):
        self.assertEqual([name for name in cwg.__all__ if not getattr(cwg, name).__doc__
                          and name not in ("LINE_MAX", "NETS")], [])


# Answers each line by the shell's words, in which $n is the number of the line and $* are its words.
BATCH = """[ "$0 $1" = "batch --answered" ] || [ "$0 $1 $2" = "batch --answered --undo" ] || exit 9
n=0; while read -r line; do n=$((n + 1)); set -- $line; %s; done; exit 0"""


class Batches(unittest.TestCase):
    def batch(self, words, **options):
        batch = cwg.Batch(cwg.Helper(["sh", "-c", BATCH % words]), **options)
        self.addCleanup(batch.close)
        return batch

    def test_one_process_does_all_tasks(self):
        batch = self.batch("[ $1 = cwg_show ] && echo \"ok [$n, $$]\" || echo ok")
        batch.destroy(1, 7, 0)
        batch.connect(1, 7, 1, "192.0.2.2:1", KEY)
        third = batch.show(1)
        fourth = batch.show(1, 7, 0)
        self.assertEqual((third[0], fourth[0], third[1]), (3, 4, fourth[1]))

    def test_a_line_is_the_task_with_its_words(self):
        batch = self.batch("echo \"error usage $line\"")
        for call, line in (
                (lambda: batch.create(1, 7, 0, 5000), "cwg_create 1 7 0 5000 --json"),
                (lambda: batch.connect(1, 7, 1, "192.0.2.2:1", KEY, keepalive=5, mtu=1300),
                 f"cwg_connect 1 7 1 192.0.2.2:1 {KEY} --persistent-keepalive=5 --mtu=1300 --json"),
                (lambda: batch.wait(1, 7, 0, 3), "cwg_wait 1 7 0 3 --json"),
                (lambda: batch.links(range(8, 10)), "cwg_list --json --nets=8-9"),
                (batch.commit, "commit")):
            with self.assertRaises(cwg.failures.Usage) as caught:
                call()
            self.assertEqual(str(caught.exception), f"net-admin-helper: {line}")

    def test_an_error_is_a_failure_with_its_code_and_the_next_task_is_done(self):
        batch = self.batch("[ $n = 1 ] && echo 'error exists it is there; look' || echo ok []")
        with self.assertRaisesRegex(cwg.failures.Exists, "^net-admin-helper: it is there; look$"):
            batch.create(1, 7, 0)
        self.assertEqual(batch.show(1), [])

    def test_a_list_that_is_incomplete_is_a_failure(self):
        with self.assertRaisesRegex(cwg.failures.Incomplete, "^net-admin-helper: not all$"):
            self.batch("echo 'ok [] error incomplete not all'").links()

    def test_an_answer_that_is_none_is_a_failure(self):
        for answer in ("evil", "ok evil", "ok {", "ok [] evil", "okay", "", "ok " + "[" * 100000):
            with self.assertRaises(cwg.Failure) as caught:
                self.batch(f"echo '{answer}'").destroy(1, 7, 0)
            self.assertIsNone(caught.exception.code)
            self.assertNotIn("evil", str(caught.exception))

    def test_a_created_link_that_can_not_be_read_is_destroyed(self):
        log = tempfile.NamedTemporaryFile("r")
        self.addCleanup(log.close)
        batch = self.batch(f"echo $1 >>{log.name}; [ $1 = cwg_destroy ] && echo ok || echo 'ok []'")
        self.assertRaises(cwg.Failure, batch.create, 1, 7, 0)
        self.assertEqual(log.read(), "cwg_create\ncwg_destroy\n")

    def test_no_word_is_two(self):
        batch = self.batch("exit 1")
        for word in ("192.0.2.2:1 --mtu=1300", "1\n2", "", "\u00fc", "x" * 500, "a\tb"):
            self.assertRaises(cwg.failures.Usage, batch.connect, 1, 7, 1, word, KEY)
        self.assertIsNone(batch._process)

    def test_one_that_ended_is_started_anew_and_tells_its_reason(self):
        batch = self.batch("[ $1 = cwg_show ] && echo ok [] || { echo 'helper: why' >&2; exit 1; }")
        self.assertRaisesRegex(cwg.Failure, "^helper: why$", batch.destroy, 1, 7, 0)
        self.assertEqual(batch.show(1), [])
        self.assertRaisesRegex(cwg.Failure, "^sh: the batch has ended$", self.batch("exit 0").destroy, 1, 7, 0)
        self.assertRaisesRegex(cwg.Failure, "^can't run ", cwg.Batch(cwg.Helper("/nowhere")).destroy, 1, 7, 0)

    def test_with_undo_one_that_ended_fails_from_then_on(self):
        batch = self.batch("[ $1 = cwg_show ] && echo ok [] || exit 1", undo=True)
        self.assertEqual(batch.show(1), [])
        self.assertRaises(cwg.Failure, batch.destroy, 1, 7, 0)
        self.assertRaisesRegex(cwg.Failure, "^this batch has ended$", batch.show, 1)
        self.assertRaisesRegex(cwg.Failure, "^this batch has ended$", batch.commit)

    def test_a_policy_that_changed_is_read_anew_once(self):
        batch = self.batch("[ $n = 1 ] && echo ok [$$] || echo error policy it has changed")
        first = batch.show(1)
        self.assertNotEqual(batch.show(1), first)
        refused = self.batch("echo error policy no rule")
        self.assertRaises(cwg.failures.Policy, refused.show, 1)
        self.assertRaises(cwg.failures.Policy, refused.show, 1)
        undo = self.batch("[ $n = 1 ] && echo ok [] || echo error policy it has changed", undo=True)
        undo.show(1)
        self.assertRaises(cwg.failures.Policy, undo.show, 1)

    def test_an_interrupt_ends_the_process_so_that_no_answer_is_taken_for_another(self):
        batch = self.batch("[ $n = 1 ] && sleep 1; echo ok [$n]")
        timer = threading.Timer(0.3, signal.raise_signal, [signal.SIGALRM])
        signal.signal(signal.SIGALRM, mock.Mock(side_effect=KeyboardInterrupt))
        timer.start()
        self.assertRaises(KeyboardInterrupt, batch.destroy, 1, 7, 0)
        timer.join()
        self.assertIsNone(batch._process)

    def test_what_a_batch_can_not_do_is_a_command_of_its_own(self):
        helper = cwg.Helper(["sh", "-c", 'echo "{\\"code\\":\\"exists\\"}"; echo "$0 $1" >&2; exit 1'])
        batch = cwg.Batch(helper)
        self.assertRaisesRegex(cwg.failures.Exists, "^cwg_create fd:7$", batch.create, "fd:7", 7, 0)
        self.assertRaisesRegex(cwg.failures.Exists, "^cwg_connect 1$", batch.connect, 1, 7, 1, "192.0.2.2:1", KEY,
                               preshared_key=KEY)
        self.assertIsNone(batch._process)

    def test_a_create_that_is_a_command_and_is_interrupted_leaves_no_link(self):
        helper = cwg.Helper("true")
        with mock.patch.object(helper, "result", side_effect=KeyboardInterrupt), \
                mock.patch.object(helper, "start", wraps=helper.start) as start:
            self.assertRaises(KeyboardInterrupt, cwg.Batch(helper).create, "fd:0", 7, 0)
        self.assertEqual([call.args[0][:2] for call in start.call_args_list],
                         [["cwg_create", "fd:0"], ["cwg_destroy", "fd:0"]])

    def test_the_failure_that_ended_a_batch_with_undo_is_the_one_that_the_caller_sees(self):
        def site():
            batch = self.batch(f"[ $1 = cwg_create ] && echo 'ok {CREATED}' || {{ echo 'helper: why' >&2; exit 1; }}",
                               undo=True)
            return cwg.Site(1, "192.0.2.1", helper=batch)

        transport = mock.Mock()
        transport.receive.return_value = json.dumps({**OFFER, "kind": "answer", "host": 1, "key": "B" + KEY[1:]}) + "\n"
        self.assertRaisesRegex(cwg.Failure, "^helper: why$", cwg.offer, site(), transport, 7)
        transport.receive.return_value = json.dumps({**OFFER, "key": "B" + KEY[1:]}) + "\n"
        self.assertRaisesRegex(cwg.Failure, "^helper: why$", cwg.answer, site(), transport)
        here = site()
        with self.assertRaises(KeyboardInterrupt), cwg.Link(here, 7, 0):
            here.helper.close()
            raise KeyboardInterrupt

    def test_threads_get_their_own_answers(self):
        batch = self.batch("echo ok [$2]")
        wrong = []

        def ask(number):
            for _ in range(50):
                if batch.show(number) != [number]:
                    wrong.append(number)

        threads = [threading.Thread(target=ask, args=[number]) for number in range(1, 5)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        self.assertEqual(wrong, [])


class Sources(unittest.TestCase):
    def test_are_for_3_9_and_have_a_docstring_for_each_public_thing(self):
        for path in [*(ROOT / "python/cwg").glob("*.py"), *(ROOT / "examples").glob("*.py")]:
            tree = ast.parse(path.read_text(), str(path), feature_version=(3, 9))
            for node in ast.walk(tree):
                if isinstance(node, (ast.Module, ast.ClassDef)) and "python" in path.parts:
                    self.assertTrue(ast.get_docstring(node), f"{path}: {getattr(node, 'name', '')}")


if __name__ == "__main__":
    unittest.main()
