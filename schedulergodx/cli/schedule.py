"""`sgx schedule`: look at schedules, and change them."""

from __future__ import annotations

import sys
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

import click

from schedulergodx.cli.asking import asking
from schedulergodx.cli.day_picture import print_day
from schedulergodx.cli.launch import Duration
from schedulergodx.cli.options import with_settings
from schedulergodx.cli.outcomes import print_outcomes
from schedulergodx.cli.output import iso, json_flag, leaving, local, print_json, print_table
from schedulergodx.config import Settings
from schedulergodx.core.identity import ulid
from schedulergodx.errors import UnknownSchedule
from schedulergodx.setting import Scope

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from schedulergodx.client.schedule import Schedule
    from schedulergodx.core.schedule import FireView, ScheduleView

_COLUMNS = ("schedule", "rule", "zone", "state", "next", "last", "fires", "trouble")
_MOST_A_DAY = 1000  # fires of one schedule


@click.group()
def schedule() -> None:
    """Look at schedules, change them, run them now. A SCHEDULE is its name, or its ULID."""


@schedule.command("list")
@json_flag
@with_settings(Scope.BOTH)
def list_schedules(settings: Settings, as_json: bool) -> None:
    """Print all schedules."""
    with asking(settings) as client:
        views = [one.last_view for one in client.session]
    if as_json:
        print_json([_as_dict(view) for view in views])
    elif views:
        print_table(_COLUMNS, [_as_row(view) for view in views])
    else:
        click.echo("There are no schedules.", err=True)


@schedule.command()
@click.argument("schedule")
@json_flag
@with_settings(Scope.BOTH)
def show(settings: Settings, schedule: str, as_json: bool) -> None:
    """Print all that is known of a schedule, and who has changed it."""
    with asking(settings) as client:
        found = client.session[schedule]
        view, changes = found.last_view, found.changes()
    told = [{"at": iso(change.at), "who": change.who, "what": change.what} for change in changes]
    if as_json:
        print_json({**_as_dict(view), "changes": told})
        return
    for name, value in _as_dict(view).items():
        if value not in (None, ""):
            click.echo(f"{name:<8} {value}")
    click.echo()
    print_table(("at", "who", "what"), [(local(c.at), c.who, c.what) for c in changes])


@schedule.command("next")
@click.argument("schedule")
@click.argument("number", type=click.IntRange(1, 1000), default=10)
@json_flag
@with_settings(Scope.BOTH)
def next_fires(settings: Settings, schedule: str, number: int, as_json: bool) -> None:
    """Print when a schedule fires next.

    In its own zone, and as far as only the clock decides.
    """
    with asking(settings) as client:
        times = client.session[schedule].next(number)
    if as_json:
        print_json([time.isoformat() for time in times])
    else:
        for time in times:
            click.echo(time.strftime("%a %Y-%m-%d %H:%M:%S %Z"))


@schedule.command()
@click.option("--hours", type=click.IntRange(1, 168), default=24, show_default=True)
@json_flag
@with_settings(Scope.BOTH)
def day(settings: Settings, hours: int, as_json: bool) -> None:
    """Draw which schedules fire on the coming day.

    Hour by hour, in your own time.
    """
    begin = datetime.now().astimezone()
    end = begin + timedelta(hours=hours)
    with asking(settings) as client:
        fires = {
            one.name: [time for time in one.next(_MOST_A_DAY) if time < end]
            for one in client.session
        }
    if as_json:
        print_json({name: [time.isoformat() for time in times] for name, times in fires.items()})
    else:
        print_day(fires, begin, hours)


@schedule.command()
@click.argument("schedule")
@click.option("--limit", type=click.IntRange(1, 1000), default=20, show_default=True)
@json_flag
@with_settings(Scope.BOTH)
def history(settings: Settings, schedule: str, limit: int, as_json: bool) -> None:
    """Print what a schedule has done, the newest first."""
    with asking(settings) as client:
        fires = client.session[schedule].history(limit)
    if as_json:
        print_json([_fire_as_dict(fire) for fire in fires])
    else:
        columns = ("instant", "made", "why", "job", "status")
        print_table(columns, [_fire_as_row(fire) for fire in fires])


@schedule.command()
@click.argument("schedules", nargs=-1, required=True, metavar="SCHEDULE...")
@with_settings(Scope.BOTH)
def pause(settings: Settings, schedules: tuple[str, ...]) -> None:
    """Fire no more for now. What passes meanwhile counts as missed."""
    _do_each(settings, schedules, lambda one: _said(one.pause(), "paused"))


@schedule.command()
@click.argument("schedules", nargs=-1, required=True, metavar="SCHEDULE...")
@with_settings(Scope.BOTH)
def resume(settings: Settings, schedules: tuple[str, ...]) -> None:
    """Go on with schedules that were paused or disabled."""
    _do_each(settings, schedules, lambda one: _said(one.resume(), "active"))


@schedule.command()
@click.argument("schedules", nargs=-1, required=True, metavar="SCHEDULE...")
@with_settings(Scope.BOTH)
def disable(settings: Settings, schedules: tuple[str, ...]) -> None:
    """Fire no more. When they are resumed, they begin anew and have missed nothing."""
    _do_each(settings, schedules, lambda one: _said(one.disable(), "disabled"))


@schedule.command()
@click.argument("schedules", nargs=-1, required=True, metavar="SCHEDULE...")
@with_settings(Scope.BOTH)
def delete(settings: Settings, schedules: tuple[str, ...]) -> None:
    """End schedules. Their jobs stay, and for a while their history."""
    _do_each(settings, schedules, lambda one: _said(one.delete(), "deleted"))


@schedule.command()
@click.argument("schedules", nargs=-1, required=True, metavar="SCHEDULE...")
@click.option("--wait", is_flag=True, help="Wait, and print what became of them.")
@click.option("--timeout", type=Duration(), help="How long to wait for each at the most.")
@json_flag
@with_settings(Scope.BOTH)
def run(
    settings: Settings,
    schedules: tuple[str, ...],
    wait: bool,
    timeout: float | None,
    as_json: bool,
) -> None:
    """Make their jobs now, once, whatever their rules and states say.

    None is made if one of the schedules is not there. With --wait the exit code is 1 if not all
    completed; Ctrl+C leaves them alone.
    """
    with asking(settings) as client:
        jobs = list(zip(schedules, client.session.run(*schedules), strict=True))
        if not as_json:
            for name, job in jobs:
                click.echo(f"{name} runs as job {job.id}", err=wait)
        elif not wait:
            print_json([{"schedule": name, "id": job.id} for name, job in jobs])
        if wait:
            with leaving("not waited for any more; the jobs go on"):
                completed = print_outcomes(jobs, timeout, as_json=as_json)
            sys.exit(0 if completed else 1)


def _do_each(settings: Settings, names: Sequence[str], act: Callable[[Schedule], str]) -> None:
    """One line a schedule; exit code 1 if one is not there."""
    all_found = True
    with asking(settings) as client:
        for name in names:
            try:
                text = act(client.session[name])
            except UnknownSchedule as error:
                all_found = False
                click.echo(f"{name} {error}", err=True)
            else:
                click.echo(f"{name} {text}")
    if not all_found:
        sys.exit(1)


def _said(news: bool, state: str) -> str:
    return state if news else f"was {state} already"


def _as_dict(view: ScheduleView) -> dict[str, Any]:
    return {
        "schedule": view.name,
        "id": ulid(view.uid),
        "client": view.client,
        "task": view.task,
        "queue": view.queue,
        "rule": view.rule,
        "zone": view.zone,
        "state": view.state.value,
        "made": iso(view.made),
        "version": view.version,
        "next": iso(view.next),
        "last": iso(view.last),
        "fires": view.fires,
        "trouble": view.trouble,
    }


def _as_row(view: ScheduleView) -> tuple[str, ...]:
    when = (local(view.next), local(view.last))
    return view.name, view.rule, view.zone, view.state.value, *when, str(view.fires), view.trouble


def _fire_as_dict(fire: FireView) -> dict[str, Any]:
    return {
        "instant": iso(fire.instant),
        "made": iso(fire.at),
        "why": fire.why.value,
        "job": None if fire.job is None else ulid(fire.job),
        "status": fire.status,
    }


def _fire_as_row(fire: FireView) -> tuple[str, ...]:
    job = "" if fire.job is None else ulid(fire.job)
    return local(fire.instant), local(fire.at), fire.why.value, job, fire.status or ""
