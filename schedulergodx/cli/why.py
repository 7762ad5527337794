"""`sgx why`: why a job does not run, or ended as it did; why a schedule has not fired."""

from __future__ import annotations

import click

from schedulergodx.cli.asking import asking
from schedulergodx.cli.options import with_settings
from schedulergodx.cli.output import json_flag, print_json
from schedulergodx.config import Settings
from schedulergodx.errors import UnknownJob
from schedulergodx.setting import Scope


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
        click.echo(f"{reason.code.value}: {reason.sentence}")
