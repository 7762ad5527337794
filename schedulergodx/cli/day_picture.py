"""The picture of a day: a line a schedule, a column an hour."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from datetime import datetime

_MARKS = " ·▂▃▄▅▆▇█"  # by how often it fires in that hour: 0, 1, up to 2, 4, 8 ...


def print_day(fires: Mapping[str, Sequence[datetime]], begin: datetime, hours: int) -> None:
    """Draw who fires in which hour, from `begin` on, in its zone."""
    if not fires:
        click.echo("There are no schedules.", err=True)
        return
    width = max(map(len, fires))
    click.echo(f"{'':{width}}  {_ruler(begin, hours)}")
    for name, times in fires.items():
        counts = [0] * hours
        for time in times:
            hour = int((time - begin).total_seconds() // 3600)
            if 0 <= hour < hours:
                counts[hour] += 1
        first = f"  {times[0].astimezone():%H:%M}" if times else ""
        click.echo(f"{name:{width}}  {''.join(map(_mark, counts))}{first}")


def _ruler(begin: datetime, hours: int) -> str:
    """The hour of each sixth column."""
    cells = [f"{(begin.hour + n) % 24:<6}" for n in range(0, hours, 6)]
    return "".join(cells)[:hours]


def _mark(count: int) -> str:
    return _MARKS[min(count.bit_length(), len(_MARKS) - 1)]
