"""Run the command line as `python -m streamproc`."""

from streamproc.cli import main

main()
