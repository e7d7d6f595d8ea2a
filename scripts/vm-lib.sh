# What the scripts of the virtual machines share. Sourced after lib.sh.
# shellcheck shell=bash

# Sets `archive` and `security`: the archives of Debian as the apt of this host reaches them.
find_archives() {
  # shellcheck disable=SC2016 # apt's own variables
  read -r archive security <<<"$(apt-get indextargets --format '$(REPO_URI)' 'Created-By: Packages' 2>/dev/null |
    awk '/debian-security\/?$/ && !s { s = $1 } /debian\/?$/ && !m { m = $1 }
      END { if (m) { if (!s) { s = m; sub(/debian\/?$/, "debian-security", s) } print m, s } }')" || true
  if [[ -z ${archive:-} ]]; then
    die 69 'the apt of this host has no archive of Debian, where the kernels for the tests are' \
      'run this on a Debian host'
  fi
}

# sources_of SUITE...: the lines of a sources.list.
sources_of() {
  local suite uri
  for suite; do
    uri=$archive
    if [[ $suite == *-security ]]; then uri=$security; fi
    echo "deb [arch=amd64 signed-by=/usr/share/keyrings/debian-archive-keyring.gpg] $uri $suite main"
  done
}
