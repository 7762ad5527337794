"""`sgx completion`: what a shell needs to complete commands and options."""

from __future__ import annotations

import click
from click.shell_completion import get_completion_class

_SHELLS = ("bash", "zsh", "fish")


@click.command()
@click.argument("shell", type=click.Choice(_SHELLS))
@click.pass_context
def completion(ctx: click.Context, shell: str) -> None:
    """Print what completes commands in a shell.

    For bash: eval "$(sgx completion bash)".
    """
    kind = get_completion_class(shell)
    assert kind is not None
    root = ctx.find_root()
    name = root.info_name or "sgx"
    variable = f"_{name}_complete".replace("-", "_").upper()
    click.echo(kind(root.command, {}, name, variable).source())
