"""A process that verifies as ``commissions verify`` does: ``python -m benchmarks.verifying``.

Those that help it load this module before anything else, as they load the script of the command:
like that it loads nothing but what it runs, and only when it runs.
"""

from __future__ import annotations

if __name__ == "__main__":
    from benchmarks.verification import main

    main()
