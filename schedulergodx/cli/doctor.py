"""`sgx doctor`: what stands in the way of a client or a service here, and what to do about it."""

from __future__ import annotations

import sys

import click

from schedulergodx.cli.asking import is_of_file
from schedulergodx.cli.finding import Finding, Verdict, ok
from schedulergodx.cli.options import with_settings
from schedulergodx.cli.output import json_flag, print_json
from schedulergodx.config import Settings
from schedulergodx.setting import Scope


@click.command()
@with_settings(Scope.BOTH, Scope.SERVICE)
@json_flag
def doctor(settings: Settings, as_json: bool) -> None:
    """Check this machine, the broker, the database and the service.

    The exit code is 1 if there is a problem.
    """
    from schedulergodx.cli.local_checks import check_machine, check_secret, check_store

    findings = [*check_machine(), check_secret(settings), *check_store(settings)]
    if not as_json:
        _print(findings)
    reached = _check_others(settings)
    if as_json:
        print_json([finding.as_dict() for finding in [*findings, *reached]])
    else:
        _print(reached)
    if any(finding.verdict is Verdict.PROBLEM for finding in [*findings, *reached]):
        sys.exit(1)


def _check_others(settings: Settings) -> list[Finding]:
    """The service and the broker; jobs on a file need neither."""
    if is_of_file(settings):
        return [ok("broker", "none is needed: jobs on a file are run by `sgx worker`")]
    import asyncio

    from schedulergodx.cli.broker_checks import check_broker
    from schedulergodx.cli.local_checks import check_health

    return [*check_health(settings), *asyncio.run(check_broker(settings))]


_COLORS = {Verdict.OK: "green", Verdict.NOTE: "yellow", Verdict.PROBLEM: "red"}


def _print(findings: list[Finding]) -> None:
    for finding in findings:
        verdict = click.style(f"{finding.verdict.value:8}", fg=_COLORS[finding.verdict])
        click.echo(f"{verdict} {finding.subject:12} {finding.text}")
        if finding.advice:
            click.echo(f"{'':21} {finding.advice}")
