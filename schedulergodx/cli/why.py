"""`sgx why`: why a job does not run, or ended as it did; why a schedule has not fired."""

from __future__ import annotations

import re
from datetime import UTC, datetime

import click

from schedulergodx.cli.asking import asking
from schedulergodx.cli.options import with_settings
from schedulergodx.cli.output import json_flag, local, print_json
from schedulergodx.config import Settings
from schedulergodx.errors import UnknownJob
from schedulergodx.setting import Scope

_INSTANT = re.compile(r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d UTC")  # as services write one


@click.command()
@click.argument("id")
@json_flag
@with_settings(Scope.BOTH)
def why(settings: Settings, id: str, as_json: bool) -> None:
    """Say what keeps a job or a schedule, or how a job ended.

    ID is that of a job, or the id or the name of a schedule. Also where no service answers.
    """
    with asking(settings) as client:
        try:
            reason = client.why(id)
        except UnknownJob:
            schedule = client.session.get(id)
            if schedule is None:
                raise
            reason = schedule.why()
    if as_json:
        said = {"code": reason.code.value, "sentence": reason.sentence, "details": reason.details}
        print_json({"id": id, **said})
    else:
        click.echo(f"{reason.code.value}: {in_local_time(reason.sentence)}")


def in_local_time(sentence: str) -> str:
    """A sentence of a service, which does not know the zone of who reads it."""
    return _INSTANT.sub(lambda found: local(_read(found[0])), sentence)


def _read(instant: str) -> float:
    time = datetime.strptime(instant, "%Y-%m-%d %H:%M:%S UTC")
    return time.replace(tzinfo=UTC).timestamp()
