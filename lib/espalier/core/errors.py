"""The error that a user sees as one line."""

from __future__ import annotations


class UserError(Exception):
    """Bad input, a missing file, or an impossible request.

    Its text is one line that names the place, the value, the rule that must hold and the fix. The
    command line prints it after `error: `, prints nothing else, and exits with code 2.
    """


class CannotTrain(Exception):
    """A trial cannot be trained as its configuration says; its result is `failed`."""

    def __init__(self, reason: str, message: str) -> None:
        """`reason` is the short code of the result, `message` the line shown to the user."""
        super().__init__(message)
        self.reason = reason
