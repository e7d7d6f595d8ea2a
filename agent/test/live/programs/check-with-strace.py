#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0 OR Apache-2.0
"""Hold the witness of the known-sequence programs against strace.

    check-with-strace.py                      every program, with small counts
    check-with-strace.py -- PROGRAM ARG...    one program

Calls, bytes, errnos, io_uring enters and setups, and flows must be the same on both sides. What io_uring
requests become is beyond strace. Exit status: 0 all equal, 1 a difference, 2 strace or a program failed.
"""

import argparse
import ipaddress
import json
import os
import re
import signal
import subprocess
import sys
import tempfile
from collections import Counter, defaultdict

HERE = os.path.dirname(os.path.abspath(__file__))

# Where each call has its sink and its source among its arguments.
SINK_AND_SOURCE = {
    "sendfile": (0, 1),
    "splice": (2, 0),
    "tee": (1, 0),
    "vmsplice": (0, None),
    "copy_file_range": (2, 0),
}
CALLS = [*SINK_AND_SOURCE, "io_uring_enter", "io_uring_setup"]

# -yy decodes the ends of sockets, at a netlink query each: not where numbers change all the time, there only the
# traced calls may stop. (Elsewhere every call may: strace's own filter would hide what a seccomp filter answers.)
STRACE_FLAGS = {"fdrace": ["--seccomp-bpf"]}

# strace slows every call by some 100 µs: small counts, every path.
PROGRAMS = [
    *(["sequence", mechanism] for mechanism in SINK_AND_SOURCE),
    ["seccomp_errno", "all"],
    ["seccomp_errno", "sendfile", "EPERM", "7"],
    ["seccomp_errno", "io_uring_enter", "EAGAIN", "300"],
    ["threads", "16", "100"],
    ["threads", "8", "100", "--shared"],
    ["flows", "300", "3"],
    ["flows", "200", "2", "--race"],
    ["flows", "300", "3", "--threads", "4"],
    ["flows", "100", "2", "--ipv6"],
    ["flows", "100", "2", "--mapped"],
    ["children", "40"],
    ["children", "80", "--parallel", "8"],
    ["uring"],
    ["busy", "1"],
    ["busy", "30", "--count", "2000", "--threads", "3"],
    ["fdrace", "2", "300"],
    ["comm", "610a2278227b7d80ff", "5"],
    ["chaos", "1", "--rounds", "3"],
    ["ringrace", "100"],
    *(["reasons", name] for name in ("source-proc", "sink-regular-file", "range-not-regular", "source-anonymous", "failed-arguments", "failed-descriptors")),
    *(["resolutions", name] for name in ("every-read", "three-refusals-then-read", "five-pairs", "thread-exits")),
]

RESULT = re.compile(r"\) += (?:(-?\d+)(?: \(errno (\d+)\)| (E[A-Z0-9]+))?|\? (ERESTART\w+))")
TIMEOUT_SECONDS = 120

UNFINISHED = " <unfinished ...>"
RESUMED = re.compile(r"<\.\.\. \w+ resumed>")


def whole_lines(path):
    """Calls of the trace, those that were cut in two put together; then what never ended."""
    begun = {}
    with open(path, encoding="utf-8", errors="replace") as trace:
        for line in trace:
            pid, _, rest = line.rstrip("\n").partition(" ")
            rest = rest.strip()
            if rest.endswith(UNFINISHED):
                begun[pid] = rest[: -len(UNFINISHED)]
                continue
            match = RESUMED.match(rest)
            if match:
                rest = begun.pop(pid) + rest[match.end() :]
            yield rest
    for call in begun.values():
        yield call


def arguments(text):
    """Split at the commas that are in no bracket. `->` inside an address is no bracket."""
    parts, depth, part = [], 0, ""
    for char in text.replace("->", "→"):
        depth += (char in "([{<") - (char in ")]}>")
        if char == "," and depth == 0:
            parts.append(part.strip())
            part = ""
        else:
            part += char
    return [*parts, part.strip()]


def host(end):
    address = ipaddress.ip_address(end.rpartition(":")[0].strip("[]"))
    return str(getattr(address, "ipv4_mapped", None) or address)


def flow_of(fd):
    """The flow of `5<TCP:[127.0.0.1:1→127.0.0.1:2]>`; None: no socket; "unknown": strace could not tell."""
    match = re.fullmatch(r"\d+<(TCP|UDP|UNIX|socket)[^:]*:\[(.*)\]>", fd)
    if not match:
        return None
    kind, ends = match.groups()
    if kind == "UNIX":
        return ("", "", "other")
    local, arrow, peer = ends.partition("→")
    try:
        src = host(local)
        return (src, host(peer) if arrow else "::" if ":" in src else "0.0.0.0", kind.lower())
    except ValueError:
        return "unknown"


class Tally:
    """What strace saw, in the shape of the witness."""

    def __init__(self):
        self.attempts, self.bytes = Counter(), Counter()
        self.errnos = defaultdict(Counter)
        self.submitted = 0
        self.flows = Counter()
        self.unfinished = 0

    def add(self, line):
        name, _, rest = line.partition("(")
        if name not in CALLS:
            return
        results = list(RESULT.finditer(rest))
        if not results:
            self.unfinished += 1
            return
        result = results[-1]
        ret, number, errno, restart = result.groups()
        self.attempts[name] += 1
        if restart:
            self.errnos[name]["EINTR"] += 1
        elif ret == "-1" or number or errno:
            self.errnos[name][errno or f"E{number}"] += 1
        else:
            self.bytes[name] += int(ret)
        if name in SINK_AND_SOURCE:
            self.add_flow(name, arguments(rest[: result.start()]))

    def add_flow(self, name, args):
        for at in SINK_AND_SOURCE[name]:
            flow = flow_of(args[at]) if at is not None else None
            if flow:
                self.flows[flow] += 1
                return


def restart_codes_as_eintr(errnos):
    """A seccomp filter can answer 512; strace names it by number or as a restart."""
    folded = Counter()
    for name, n in errnos.items():
        folded["EINTR" if name in ("E512", "E513", "E514", "E516") else name] += n
    return folded


def compare(tally, witness):
    """Every difference, as a line of text."""
    differences = []

    def same(what, traced, told):
        if traced != told and isinstance(told, dict):
            for key in sorted({*traced, *told}):
                same(f"{what} {key}", traced.get(key, 0), told.get(key, 0))
        elif traced != told:
            differences.append(f"{what}: strace {traced}, witness {told}")

    for name in SINK_AND_SOURCE:
        told = witness["mechanisms"].get(name, {"attempts": 0, "bytes": 0, "errnos": {}, "outcomes": {}})
        same(f"{name} attempts", tally.attempts[name], told["attempts"])
        same(f"{name} bytes", tally.bytes[name], told["bytes"])
        same(f"{name} errnos", dict(restart_codes_as_eintr(tally.errnos[name])), told["errnos"])
        same(f"{name} sum of outcomes", told["attempts"], sum(told["outcomes"].values()))
    rings = witness["ioUring"]
    same("io_uring_enter calls", tally.attempts["io_uring_enter"], rings["enters"]["calls"])
    same("io_uring_enter submitted", tally.bytes["io_uring_enter"], rings["enters"]["submitted"])
    same("io_uring_enter errnos", dict(tally.errnos["io_uring_enter"]), rings["enters"]["errnos"])
    setups = rings["setups"]
    same("io_uring_setup errnos", dict(tally.errnos["io_uring_setup"]), setups["errnos"])
    same("io_uring_setup calls", tally.attempts["io_uring_setup"], setups["ok"] + sum(setups["errnos"].values()))
    same("calls that never ended", tally.unfinished, 0)
    if witness.get("flowsCounted", True) and not any(name.startswith("io_uring") for name in witness["mechanisms"]):
        differences += compare_flows(tally, witness)
    return differences


def compare_flows(tally, witness):
    """strace does not know the peer of a socket that was reset: those must account for what is missing."""
    told = {(f["src"], f["dst"], f["proto"]): f["attempts"] for f in witness["flows"]}
    traced = dict(tally.flows)
    unknown = traced.pop("unknown", 0)
    missing = sum(told.values()) - sum(traced.values())
    too_many = [f"flow {flow}: strace {n}, witness {told.get(flow, 0)}" for flow, n in traced.items() if n > told.get(flow, 0)]
    if missing != unknown:
        too_many.append(f"flows: witness has {missing} more, but strace could not tell the flow of {unknown}")
    return too_many


def run(command):
    """Exit status and stdout. Killing strace alone would let the program go on: both are one process group."""
    with subprocess.Popen(command, stdout=subprocess.PIPE, start_new_session=True) as process:
        try:
            output, _ = process.communicate(timeout=TIMEOUT_SECONDS)
        except BaseException:
            os.killpg(process.pid, signal.SIGKILL)
            raise
        return process.returncode, output


def check(command, build):
    with tempfile.TemporaryDirectory() as scratch:
        trace = os.path.join(scratch, "trace")
        program = command[0] if "/" in command[0] else os.path.join(build, command[0])
        strace = ["strace", "-f", *STRACE_FLAGS.get(os.path.basename(program), ["-yy"]), "-o", trace, "-e", "trace=" + ",".join(CALLS), "-e", "signal=none"]
        status, output = run([*strace, program, *command[1:]])
        if status:
            return None, [f"exit status {status}"]
        witness = json.loads(output)
        tally = Tally()
        for line in whole_lines(trace):
            tally.add(line)
        return witness, compare(tally, witness)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--build", default=os.path.join(HERE, "../../../../build/live"), help="where the programs are")
    parser.add_argument("command", nargs="*", help="one program and its arguments")
    options = parser.parse_args()
    status = 0
    for command in [options.command] if options.command else PROGRAMS:
        try:
            witness, differences = check(command, options.build)
        except (OSError, ValueError, subprocess.TimeoutExpired) as error:
            witness, differences = None, [str(error)]
        calls = sum(m["attempts"] for m in witness["mechanisms"].values()) if witness else 0
        print(f"{'DIFFERS' if differences else 'equal':8} {' '.join(command)} ({calls} attempts)", flush=True)
        for difference in differences:
            print(f"         {difference}")
        status = max(status, 2 if witness is None else 1 if differences else 0)
    return status


if __name__ == "__main__":
    sys.exit(main())
