"""Errors of the ledger: one root, one class per cause, a message that says what to do next."""


class LedgerError(Exception):
    """Root of all errors that a user of the ledger can act on."""


class Refused(LedgerError):
    """A command that the rules refuse; nothing was recorded."""


class NotReady(LedgerError):
    """The ledger at hand lacks what the request needs: a programme, a schema, a server."""


class Fenced(LedgerError):
    """Another process reads on from here: nothing of the batch was recorded.

    Never to be tried again as it is: read the place anew and go on from there.
    """


class Corrupt(LedgerError):
    """What is stored contradicts itself; stop and verify."""
