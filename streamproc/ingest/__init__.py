"""Turn bytes and headers into events or rejections, one file a dialect."""

from typing import Final

from streamproc.ingest.canonical import decode_event, encode_event
from streamproc.ingest.envelope import Parser

__all__ = ["Parser", "decode_event", "encode_event", "parse"]

parse: Final = Parser()
