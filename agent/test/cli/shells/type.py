"""type.py SHELL SCRIPT KEYS: types KEYS into an interactive bash or zsh that has sourced SCRIPT, and prints what it then
runs `spillway` with, an argument a line. KEYS may hold tabs and escapes."""

import os
import pty
import select
import sys

shell, script, keys = sys.argv[1:]
PROMPT, END = "ready> ", "the end"
COMMAND = {"bash": ["bash", "--norc", "--noprofile", "-i"], "zsh": ["zsh", "-f", "-i"]}[shell]
# Names and marks in two pieces, so that they are not seen before they are there.
SETUP = {
    "bash": "bind 'set bell-style none'; bind '\"\\e*\": insert-completions'; set +o history; ",
    "zsh": "autoload -Uz compinit; compinit -u -D; setopt no_beep no_auto_menu; unsetopt prompt_sp prompt_cr zle_bracketed_paste; ",
}[shell]
SETUP += f"source '{script}'; spillway() {{ printf 'argument: %s\\n' \"$@\"; echo 'the ''end'; }}; PS1='rea''dy> '\n"

pid, terminal = pty.fork()
if pid == 0:
    os.environ.update(TERM="dumb", LC_ALL="C.UTF-8", PS1="$ ", HISTFILE="/dev/null")
    os.execvp(COMMAND[0], COMMAND)

seen = ""


def wait_for(text):
    """Reads until the shell has said this."""
    global seen
    while text not in seen:
        if not select.select([terminal], [], [], 30)[0]:
            sys.exit(f"{shell} says nothing more: {seen!r}")
        seen += os.read(terminal, 65536).decode(errors="replace")
    seen = seen[seen.index(text) + len(text) :]


os.write(terminal, SETUP.encode())
wait_for(PROMPT)
os.write(terminal, (keys + "\r").encode())
typed = ""
while END not in typed:
    if not select.select([terminal], [], [], 30)[0]:
        sys.exit(f"{shell} does not run it: {typed!r}")
    typed += os.read(terminal, 65536).decode(errors="replace")
for line in typed.replace("\r", "").split("\n"):
    if line.startswith("argument: "):
        print(line.removeprefix("argument: "))
os.close(terminal)
