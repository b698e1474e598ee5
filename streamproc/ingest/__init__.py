"""Turn bytes and headers into events or rejections, one file a dialect."""
