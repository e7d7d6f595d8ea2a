#!/usr/bin/env bash
# Runs inside a machine, in the checkout. Leaves result.json in /out: the kernel, what doctor says, and what programs
# say of themselves beside what the agent reported of them. The arguments are names of groups below.
set -u
export NO_COLOR=1
node=node_modules/.bin/node

# report NAME FLAGS COMMAND...: the command under `stat`
report() {
  name=$1 flags=$2
  shift 2
  # shellcheck disable=SC2086 # several flags are meant
  bin/spillway stat -o json --file "/tmp/$name.report" $flags -- "$@" >"/tmp/$name.witnesses" 2>>/out/stderr
  echo $? >"/tmp/$name.code"
}

# shellcheck disable=SC2016 # for the shell that is started
calls='for one in sendfile splice tee vmsplice copy_file_range; do build/live/sequence $one --dir /tmp | tail -n 1; done'
# shellcheck disable=SC2016
rings='for mode in plain sqpoll async fixed linked; do build/live/uring $mode | tail -n 1; done'

for group; do
  case $group in
    doctor) bin/spillway doctor -o json >/tmp/doctor 2>>/out/stderr ;;
    calls) report calls '' bash -c "$calls; $rings" ;;
    # more threads than processors
    threads) report threads "${SPILLWAY_STAT_FLAGS:-}" build/live/threads 16 "${SPILLWAY_ROUNDS:-1000}" ;;
    # while others keep the kernel busy with map calls, which hide program runs where tasks can be preempted in them
    maps)
      (while :; do bpftool map dump name flow_index; done >/dev/null 2>&1) &
      dumping=$!
      report maps "${SPILLWAY_STAT_FLAGS:-}" build/live/threads 16 "${SPILLWAY_ROUNDS:-1000}"
      kill $dumping
      ;;
  esac
done

$node -e '
  const { readFileSync, existsSync, writeFileSync } = require("node:fs");
  const read = (name) => (existsSync(name) ? readFileSync(name, "utf8") : null);
  const parse = (text) => { try { return JSON.parse(text); } catch { return null; } };
  const groups = {};
  for (const name of process.argv.slice(1)) {
    const witnesses = read(`/tmp/${name}.witnesses`);
    if (witnesses === null) continue;
    groups[name] = {
      code: Number(read(`/tmp/${name}.code`)),
      report: parse(read(`/tmp/${name}.report`)),
      witnesses: witnesses.split("\n").map(parse).filter((one) => one !== null),
    };
  }
  writeFileSync("/out/result.json", JSON.stringify({
    release: require("node:os").release(),
    commandLine: read("/proc/cmdline").trim(),
    preemption: /\((\w+)\)|$/.exec(read("/sys/kernel/debug/sched/preempt") ?? "")[1] ?? null,
    doctor: parse(read("/tmp/doctor")),
    groups,
  }));
' "$@"
