# What the scripts beside this file share. Sourced from the top of the checkout, where all of them work with relative
# paths (it may lie in a folder with spaces), after set -euo pipefail.
# shellcheck shell=bash

# Some tools are in sbin, which is not on every user's PATH.
PATH=$PATH:/usr/local/sbin:/usr/sbin:/sbin

# A command that ends in order upon Ctrl-C, as apt and npm do, is no reason for the script to go on.
trap 'exit 130' INT
trap 'exit 143' TERM HUP

# One line that somebody has to know of, wherever it goes. On stderr: the standard output of a script may be its result.
warn() {
  printf 'spillway: %s\n' "$*" >&2
}

# One line of progress: for somebody who waits, so on a terminal only.
say() {
  if [[ -t 2 ]]; then warn "$*"; fi
}

# die STATUS MESSAGE...: the first line says what failed, the others what to do.
die() {
  local status=$1 line
  shift
  for line; do warn "$line"; done
  exit "$status"
}

# On a terminal, counts the seconds until it is killed or this script has ended. (In the background it does not see Ctrl-C.)
count_seconds() {
  # its sleep may outlive the script, and would keep the lock
  if [[ -n ${lock_fd:-} ]]; then exec {lock_fd}>&-; fi
  while sleep 1 && kill -0 $$ 2>/dev/null; do printf '\r  %s s' "$((SECONDS - $1))"; done >&2
}

# logged NAME COMMAND...: runs a noisy command with its output in build/log/NAME.log; on failure shows where it begins,
# ends, and is.
logged() {
  local log=build/log/$1.log status=0 ticker=
  shift
  mkdir -p build/log
  if [[ -t 2 ]]; then
    count_seconds "$SECONDS" &
    ticker=$!
  fi
  "$@" >"$log" 2>&1 || status=$?
  if [[ -n $ticker ]]; then
    kill "$ticker" && wait "$ticker" 2>/dev/null || true
    printf '\r\033[K' >&2
  fi
  if ((status != 0)); then
    warn "failed with status $status: $*"
    if (($(wc -l <"$log") <= 16)); then
      sed 's/^/  | /' "$log" >&2
    else
      { head -n 6 "$log" && echo ... && tail -n 10 "$log"; } | sed 's/^/  | /' >&2
    fi
    warn "all of its output: $log"
  fi
  return "$status"
}

# locked NAME: from here to the end of the script no other one runs under this name in this checkout.
locked() {
  mkdir -p build/lock
  exec {lock_fd}>"build/lock/$1"
  if ! flock -n "$lock_fd"; then
    say "waiting for another build ($1)"
    flock "$lock_fd"
  fi
}

docker_answers() {
  # A daemon elsewhere does not see this checkout.
  [[ ${DOCKER_HOST:-unix://} == unix://* ]] && command -v docker >/dev/null && timeout 3 docker info >/dev/null 2>&1
}
