"""Commands of other packages: entry points of the group `schedulergodx.commands`.

A package names a click command there, and it is one of `sgx`. One that can't be loaded is named
when it is asked for, and harms no other command.
"""

from __future__ import annotations

from importlib.metadata import EntryPoint, entry_points

import click

GROUP = "schedulergodx.commands"


def plugin_names() -> list[str]:
    """The commands that are installed, by their names."""
    return sorted({found.name for found in entry_points(group=GROUP)})


def plugin(name: str) -> click.Command | None:
    """The command of that name, or one that says why there is none; None if nobody has it."""
    found = sorted(entry_points(group=GROUP, name=name), key=lambda entry: entry.value)
    return _load(found[0]) if found else None


def _load(entry: EntryPoint) -> click.Command:
    try:
        command = entry.load()
    except (Exception, SystemExit) as error:  # whatever that module does
        return _broken(entry, f"{type(error).__name__}: {error}")
    if not isinstance(command, click.Command):
        return _broken(entry, f"it is of type {type(command).__name__}, and no click command")
    return command


def _broken(entry: EntryPoint, reason: str) -> click.Command:
    package = entry.dist.name if entry.dist is not None else entry.value
    text = f"the command {entry.name!r} of {package} can't be loaded: {reason}"

    def fail() -> None:
        raise click.ClickException(text)

    return click.Command(
        entry.name,
        callback=fail,
        help=f"(broken: {reason})",
        context_settings={"ignore_unknown_options": True, "allow_extra_args": True},
    )
