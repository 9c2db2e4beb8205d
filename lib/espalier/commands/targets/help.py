"""`help`: list the verbs."""

from __future__ import annotations

import click


@click.command()
@click.pass_context
def command(context: click.Context) -> int:
    """List the verbs; --help behind one lists its options."""
    print(context.find_root().get_help())
    return 0
