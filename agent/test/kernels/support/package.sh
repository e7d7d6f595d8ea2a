#!/usr/bin/env bash
# Runs inside a machine with systemd, where nothing of this checkout is but what package.test.ts has put into /in: two
# packages, a program and this file. Goes through the life of a service and leaves what it sees in /out, one file for
# each fact. It judges nothing: that is the test's.
set -u
export NO_COLOR=1 SYSTEMD_COLORS=0 SYSTEMD_PAGER='' DEBIAN_FRONTEND=noninteractive
unit=spillway.service
config=/etc/spillway/config.yaml

# step NAME: what it does from here on; also printed, for one who reads why a machine was ended
step() {
  echo "$1" >/out/step
  echo "$SECONDS s: $1"
}
# fact NAME COMMAND...
fact() {
  local name=$1
  shift
  "$@" >"/out/$name" 2>&1
}
# within SECONDS COMMAND...: until it succeeds
within() {
  local end=$((SECONDS + $1))
  shift
  until "$@"; do
    if ((SECONDS >= end)); then return 1; fi
    sleep 0.3
  done
}
show() { systemctl show "$unit" --property="$1" --value; }
states() { systemctl show "$unit" --property=ActiveState,SubState,Result,NRestarts,StatusText,MainPID,ExecMainStatus; }
metrics() { curl --silent --fail --max-time 20 http://127.0.0.1:10190/metrics; }
# run_again FORMER_PID: with another main process
run_again() { [[ $(show ActiveState) == active && $(show MainPID) != "$1" ]]; }
# How StatusText begins. `systemctl reload` does not wait: ExecReload= is only a signal.
says() { [[ $(show StatusText) == "$1"* ]]; }
is() { [[ $(show ActiveState) == "$1" ]]; }
# attempt NAME COUNT: so many attempts by a program of that name
attempt() {
  cp -n /in/busy "/tmp/$1"
  "/tmp/$1" 60 --count "$2" >/dev/null 2>&1
}
# All that could be left: every name of the root file system, but those of logs, caches and what dpkg itself writes.
# Without what the tools of packages keep for themselves.
names() {
  local pruned=(-path /var/log)
  for path in /var/cache /tmp /var/lib/apt /var/lib/dpkg /var/lib/systemd/catalog; do pruned+=(-o -path "$path"); done
  find / -xdev \( "${pruned[@]}" \) -prune -o -print | sort
  cut -d : -f 1 /etc/passwd /etc/group
  systemctl list-unit-files --no-legend 'spillway.*'
}
programs() { bpftool prog show | sed -n 's/^[0-9]*: [a-z_]* *name \([a-z_0-9]*\) .*/\1/p' | sort; }
journal() { journalctl --unit "$unit" --output cat --no-pager; }
logged() { journal | grep --quiet --fixed-strings -- "$1"; }

names >/tmp/names
programs >/tmp/programs

step 'installs'
# as docs/operations.md says it; without a network, so what it depends on is there
cd /in || exit
fact install apt install ./first.deb
fact installed states
fact status systemctl status "$unit" --no-pager --lines 0
fact first-metrics metrics
fact capabilities grep -E '^(Uid|Cap|NoNewPrivs|Seccomp):?' "/proc/$(show MainPID)/status"
# by thread: the kernel keeps them so
cat /proc/"$(show MainPID)"/task/*/status | grep '^CapPrm' | sort -u >/out/thread-capabilities
fact security systemd-analyze security "$unit" --no-pager
fact bpffs stat --format '%a %n' /sys/fs/bpf/spillway

step 'counts'
# shellcheck disable=SC2016 # the template is JavaScript's
/usr/lib/spillway/bin/node -e '
  const { appendFileSync } = require("node:fs");
  require("node:http").createServer((request, response) => {
    let body = "";
    request.on("data", (part) => (body += part)).on("end", () => {
      appendFileSync("/out/notifications", `${body}\n`);
      appendFileSync("/out/authorization", `${request.headers.authorization}\n`);
      response.end();
    });
  }).listen(9999, "127.0.0.1");
' &
receiver=$!
# nobody but root may read it
(umask 077 && echo a-token >/etc/spillway/webhook.token)
cat >"$config" <<'YAML'
persist: true
receivers:
  webhook:
    url: http://127.0.0.1:9999/incidents
    bearer_token_file: /etc/spillway/webhook.token
alerts:
  rules:
    SendfileFallback:
      scopes: [workload]
      ratio:
        above: 2%
        clear: 1%
        minimum: 20
      window: 5s
      for: 0s
YAML
fact persist systemctl restart "$unit"
attempt known 700
fact counted metrics
fact pins find /sys/fs/bpf/spillway

step 'is killed'
pid=$(show MainPID)
kill -KILL "$pid"
within 20 is activating
attempt known 300
# while nobody reads it
fact killed states
within 120 run_again "$pid"
fact after-kill states
fact after-kill-metrics metrics

step 'alerts'
touch /out/notifications
# refused because of O_APPEND, then written
python3 -c '
import os, time
source, sink = os.open("/etc/passwd", os.O_RDONLY), os.open("/tmp/appended", os.O_WRONLY | os.O_CREAT | os.O_APPEND)
while True:
    try:
        os.sendfile(sink, source, 0, 64)
    except OSError:
        os.write(sink, os.pread(source, 64, 0))
    time.sleep(0.02)
' &
load=$!
within 90 test -s /out/notifications
fact firing spillway alerts list --firing -o json

step 'is upgraded'
pid=$(show MainPID)
(for ((i = 0; i < 40; i++)); do
  attempt during 10
  sleep 0.2
done) &
during=$!
fact upgrade apt install ./second.deb
wait "$during"
within 60 run_again "$pid"
fact version spillway version
fact after-upgrade states
fact after-upgrade-metrics metrics
fact still-firing spillway alerts list --firing -o json
cp /out/notifications /out/notifications-before-end
kill "$load"
within 90 grep -q '"status":"resolved"' /out/notifications

step 'is reloaded'
pid=$(show MainPID)
cp "$config" /tmp/config.yaml
echo 'status_url: http://here.example/' >>"$config"
fact reload systemctl reload "$unit"
within 30 logged 'reload: status_url'
fact reloaded states
echo 'no_such_key: 1' >>"$config"
fact bad-reload systemctl reload "$unit"
within 30 says 'the configuration was not reloaded'
fact badly-reloaded states
fact bad-status systemctl status "$unit" --no-pager --lines 0
cp /tmp/config.yaml "$config"
systemctl reload "$unit"
within 30 says 'no alert'
fact mended states
echo "$pid" >/out/reload-pid

step 'is stuck'
mkdir -p "/run/systemd/system/$unit.d"
printf '[Service]\nWatchdogSec=5\n' >"/run/systemd/system/$unit.d/watchdog.conf"
systemctl daemon-reload
systemctl restart "$unit"
# twice the time: it is fed
sleep 10
pid=$(show MainPID)
fact fed states
kill -STOP "$pid"
attempt known 30
within 180 run_again "$pid"
fact after-stuck states
fact after-stuck-metrics metrics
rm -r "/run/systemd/system/$unit.d"
systemctl daemon-reload

step 'is removed'
fact remove apt remove --yes spillway
fact after-remove ls -d /etc/spillway/config.yaml /var/lib/spillway/. /sys/fs/bpf/spillway /usr/bin/spillway
programs >/tmp/programs-now
fact left-programs diff /tmp/programs /tmp/programs-now
fact purge apt purge --yes spillway
kill "$receiver"
names >/tmp/names-now
fact left-names diff /tmp/names /tmp/names-now
fact left-pins find /sys/fs/bpf -mindepth 1
fact left-runtime find /run /tmp /var/tmp -name '*spillway*' -not -path '/run/systemd/*' -not -path '/run/udev/*'
fact left-unit systemctl show "$unit" --property=LoadState,ActiveState
# shellcheck disable=SC2016 # dpkg's own variable
fact left-state dpkg-query --show --showformat '${Status}\n' spillway
fact journal journal
uname -r >/out/release
step 'done'
