"""Deduplication: who shares a bucket, and who is dropped for whom. References and keys only."""
