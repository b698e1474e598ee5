"""The commands, a file each; `streamproc.cli` puts them together."""
