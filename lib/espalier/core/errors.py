"""The one error that is shown to a user as a single line."""

from __future__ import annotations


class UserError(Exception):
    """Bad input, a missing file, an impossible request.

    The text is one line that names the place, the value, the rule that must hold and the fix.
    Command lines print it after `error: ` and exit 2; nothing else is shown.
    """
