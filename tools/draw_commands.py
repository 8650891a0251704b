"""Draws the man page and the completion for bash from the command line's own parsers: `python tools/draw_commands.py`.

They come with the package (`v2g config example man|completion`), and pip installs them where `man` and bash look. A
test holds them to the parsers.
"""

import argparse
import tomllib
from collections.abc import Iterator, Mapping
from pathlib import Path

from v2g.cli import COMMANDS, parser_of

ROOT = Path(__file__).parent.parent
DEPLOY = ROOT / "src" / "v2g" / "deploy"
MAN, COMPLETION = DEPLOY / "v2g.1", DEPLOY / "v2g"

_HEAD = r""".\" Drawn by tools/draw_commands.py.
.TH V2G 1 "" "v2g" "User Commands"
.SH NAME
v2g \- software of a bidirectional EV charging station
.SH SYNOPSIS
.B v2g
.I COMMAND
.RI [ OPTIONS ]
.SH DESCRIPTION
A car plugs in; the station matches it on the power line, talks ISO 15118-20 with it, decides how much power may flow
which way, and commands the inverter. A new station is set up as docs/set-up.md of the source says.
.SH COMMANDS
"""
_TAIL = r""".SH EXIT STATUS
.TP
.B 0
Success.
.TP
.B 1
The command did what it should, and the answer is no: a session failed, a case failed, no car is there.
.TP
.B 2
Bad input, or something that is needed is missing; the standard error names it and the remedy.
.TP
.B 128+N
Signal N ended the command.
.SH FILES
.TP
.I /etc/v2g/config.yaml
The configuration; \fBv2g config example\fR prints one with every key.
.TP
.I /var/log/v2g/session_trace.log
The session trace.
.TP
.I /run/v2g/control.sock
Who may write to it may command the station.
"""
_COMPLETION = """\
# Completion of `v2g` and its short forms for bash, drawn by tools/draw_commands.py.
_v2g() {
    local current=${COMP_WORDS[COMP_CWORD]} before=${COMP_WORDS[COMP_CWORD-1]} path= words= word
    case ${COMP_WORDS[0]##*/} in
@PROGRAMS@
    esac
    for word in "${COMP_WORDS[@]:1:COMP_CWORD-1}"; do
        case $word in -*) break ;; *) path="$path $word" ;; esac
    done
    case "$path $before" in
@CHOICES@
    esac
    if [[ -z $words ]]; then
        case "$path" in
@PATHS@
        esac
    fi
    mapfile -t COMPREPLY < <(compgen -W "$words" -- "$current")
}
complete -o default -F _v2g v2g @NAMES@
"""


def programs() -> Mapping[str, str]:
    """The short forms: program -> the command of `v2g` that it stands for."""
    scripts = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["scripts"]
    modules = {module: name for name, (module, _) in COMMANDS.items()}
    targets = {program: target.partition(":")[0].removeprefix("v2g.cli.") for program, target in scripts.items()}
    return {program: modules[module] for program, module in targets.items() if module in modules}


def man_page() -> str:
    """The page, in the macros of `man`."""
    parts = [_HEAD]
    for name in COMMANDS:
        for path, parser in _all(name):
            positionals = " ".join(_shown(each) for each in parser._actions if _is_argument(each))
            parts.append(f".SS {_roff(f'v2g {path} {positionals}'.strip())}\n{_roff(_purpose(name, path, parser))}\n")
            parts += [_entry(each) for each in parser._actions if each.help != argparse.SUPPRESS]
    return "".join([*parts, _TAIL])


def completion() -> str:
    """The script."""
    choices, paths = [], [f'        "") words="{" ".join([*COMMANDS, "--help", "--version"])}" ;;']
    for name in COMMANDS:
        for path, parser in reversed(list(_all(name))):
            words = [option for each in parser._actions if each.help != argparse.SUPPRESS for option in _long(each)]
            words += [word for each in parser._actions if not each.option_strings for word in each.choices or ()]
            paths.append(f'        " {path}"*) words="{" ".join(words)}" ;;')
            for each in parser._actions:
                if each.option_strings and each.choices:
                    options = " | ".join(f'" {path}"*" {option}"' for option in _long(each))
                    choices.append(f'        {options}) words="{" ".join(map(str, each.choices))}" ;;')
    short = [f'        {program}) path=" {name}" ;;' for program, name in programs().items()]
    filled = {"CHOICES": "\n".join(choices), "PATHS": "\n".join(paths), "PROGRAMS": "\n".join(short)}
    text = _COMPLETION.replace("@NAMES@", " ".join(programs()))
    for name, lines in filled.items():
        text = text.replace(f"@{name}@", lines)
    return text


def _all(name: str) -> Iterator[tuple[str, argparse.ArgumentParser]]:
    """The parser of a command, and those of its actions."""
    parser = parser_of(name)
    yield name, parser
    for each in parser._actions:
        if isinstance(each, argparse._SubParsersAction):
            for action, inner in each.choices.items():
                yield f"{name} {action}", inner


def _purpose(name: str, path: str, parser: argparse.ArgumentParser) -> str:
    if path == name:
        return f"{COMMANDS[name][1][0].upper()}{COMMANDS[name][1][1:]}."
    (actions,) = (each for each in parser_of(name)._actions if isinstance(each, argparse._SubParsersAction))
    text = next(each.help or "" for each in actions._choices_actions if path.endswith(f" {each.dest}"))
    return f"{text[0].upper()}{text[1:]}."


def _is_argument(action: argparse.Action) -> bool:
    return not action.option_strings and not isinstance(action, argparse._SubParsersAction)


def _shown(action: argparse.Action) -> str:
    name = action.metavar if isinstance(action.metavar, str) else action.dest
    if action.choices and action.metavar is None:
        name = "|".join(map(str, action.choices))
    return f"[{name}]" if action.nargs == "?" else name


def _long(action: argparse.Action) -> list[str]:
    return [each for each in action.option_strings if each.startswith("--")]


def _entry(action: argparse.Action) -> str:
    if isinstance(action, argparse._SubParsersAction) or action.dest == "help":
        return ""
    options = ", ".join(action.option_strings)
    value = "" if action.nargs == 0 else _shown(action)
    text = (action.help or "") % {"default": action.default, "prog": "v2g"}
    return f".TP\n.B {_roff(f'{options} {value}'.strip())}\n{_roff(text)}\n"


def _roff(text: str) -> str:
    escaped = text.replace("\\", "\\e").replace("-", "\\-")
    return f"\\&{escaped}" if escaped[:1] in ".'" else escaped


if __name__ == "__main__":
    MAN.write_text(man_page())
    COMPLETION.write_text(completion())
