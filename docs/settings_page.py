"""Writes docs/settings.md from the table of settings; `make docs` runs it."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from schedulergodx.config import SETTINGS
from schedulergodx.layer import (
    CONFIG_VARIABLE,
    DEFAULT_ENV_FILE,
    DEFAULT_FILE,
    ENV_FILE_VARIABLE,
)
from schedulergodx.setting import Scope, Setting

PAGE = Path(__file__).with_name("settings.md")

HEAD = f"""\
# Settings

This page is made from the table in `schedulergodx/config.py` by `make docs`.

A setting has one name everywhere: `stop_grace` is a keyword (`Service(stop_grace=60)`), a key in
TOML, the environment variable `SCHEDULERGODX_STOP_GRACE` and the flag `--stop-grace`. The first
place that has it decides:

1. the keyword, or the flag on a command line;
2. the environment variable, unless it is empty;
3. the same variable in a file of variables: the one that `{ENV_FILE_VARIABLE}` names, else
   `{DEFAULT_ENV_FILE}` in the working directory;
4. the TOML file: the one that is named (`--config`), else the one that `{CONFIG_VARIABLE}`
   names, else `{DEFAULT_FILE}` in the working directory;
5. the default.

`sgx config show` prints every value and where it came from. A name that is no setting is an error,
and the nearest one is proposed; a value that can't be used is an error that names its place.

Durations are seconds (`90`) or texts (`"10 min"`, `"1 h 30 min"`), sizes bytes (`4096`) or texts
(`"64 KiB"`, `"8 MB"`). Several names are a list in TOML, and have commas between them elsewhere; a
flag of that kind may also be given several times (`--queue mail --queue video`). `queue_limits`,
`queue_rates` and `retention_queues` are tables in TOML and `mail=2,video=1` elsewhere. Where None
is a value, TOML and the environment say `none`.

A file of variables has lines of the form `NAME=value`, with or without `export` before them. A
value may be in quotes, literal in `'...'`, with escapes and over several lines in `"..."`, and may
hold `=`; ` #` begins a comment. Nothing is put in the place of `$NAME`. Variables of other programs
in it are passed over, and those of this one that are no settings are errors.
"""

TITLES = {
    Scope.BOTH: "Of clients and services",
    Scope.CLIENT: "Of clients",
    Scope.SERVICE: "Of services",
    Scope.WORKER: "Of workers on a file of jobs",
}


def render() -> str:
    """The whole page."""
    sections = ["\n".join(_section(scope)) for scope in TITLES]
    return "\n".join([HEAD, *sections])


def _section(scope: Scope) -> Iterator[str]:
    yield f"## {TITLES[scope]}\n"
    yield "| setting | what it is for | kind | default |"
    yield "|---|---|---|---|"
    for row in SETTINGS.values():
        if row.scope is scope:
            yield f"| `{row.name}` | {_purpose(row)} | {_kind(row)} | {_default(row)} |"
    yield ""


def _purpose(row: Setting) -> str:
    notes = [] if row.flag else ["It has no flag, for a list of processes would show it."]
    notes += [f"Also `{name}`." for name in row.also]
    if row.none and row.default is not None:
        notes.append(f"`none`: {row.none}.")
    if row.least:
        notes.append(f"{row.least:g} or more.")
    return " ".join([row.help, *notes]).replace("|", "\\|")


def _kind(row: Setting) -> str:
    return ", ".join(f"`{choice}`" for choice in row.choices) or row.kind.value


def _default(row: Setting) -> str:
    in_words = row.shown or (row.none if row.default is None else "")
    return in_words or f"`{row.default_text}`"


if __name__ == "__main__":
    PAGE.write_text(render(), encoding="utf-8")
