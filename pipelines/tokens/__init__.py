"""Tokenizer and shards: clean text becomes Arrow files of tokens."""
