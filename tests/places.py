"""Where a process that a test starts finds the package that the test itself runs, compiled or not."""

import os
from pathlib import Path

import streamproc

ROOT = Path(__file__).parents[1]
PYTHONPATH = os.pathsep.join([str(Path(streamproc.__file__).parents[1]), str(ROOT)])
