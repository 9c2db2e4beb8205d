"""The error that a user sees as one line."""

from __future__ import annotations


class UserError(Exception):
    """Bad input, a missing file, or an impossible request.

    Its text is one line that names the place, the value, the rule that must hold and the fix. The
    command line prints it after `error: `, prints nothing else, and exits with code 2.
    """
