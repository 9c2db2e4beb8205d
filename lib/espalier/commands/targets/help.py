"""`help`: list the verbs, or the options of one."""

from __future__ import annotations

import click


@click.command()
@click.argument("verb", required=False, help="whose options to list")
@click.pass_context
def command(context: click.Context, verb: str | None) -> int:
    """List the verbs, or the options of one, as --help behind it does."""
    root = context.find_root()
    if verb is None:
        print(root.get_help())
        return 0
    verbs = root.command
    assert isinstance(verbs, click.Group)
    name, chosen, _ = verbs.resolve_command(root, [verb])
    assert chosen is not None  # it raises for a name that is none
    with chosen.make_context(name, ["--help"], parent=root):
        return 0
