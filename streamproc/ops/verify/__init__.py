"""Judge a run by its records alone: the invariants I1 to I5, derived anew and without the code that decides.

Nothing here imports the core or the pipeline. A mistake there cannot excuse itself here.
"""

from streamproc.ops.verify.command import main, verify
from streamproc.ops.verify.record import UnreadableLine
from streamproc.ops.verify.report import Report, Violation

__all__ = ["Report", "UnreadableLine", "Violation", "main", "verify"]
