"""Merkle trees of RFC 6962 (2.1) over SHA-256, with the proofs of RFC 9162 (2.1.3 and 2.1.4).

A tree is the list of its leaves' hashes (`leaf_hash`), 32 bytes each, in order.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from hashlib import sha256


def leaf_hash(leaf: bytes) -> bytes:
    """The hash of one entry: SHA-256 of 0x00 and its bytes."""
    return sha256(b"\x00" + leaf).digest()


def _node(left: bytes, right: bytes) -> bytes:
    return sha256(b"\x01" + left + right).digest()


class GrowingTree:
    """The root of a list that only grows: O(log n) memory, O(1) hashes a leaf on average."""

    def __init__(self) -> None:
        self.size = 0
        self._whole: list[bytes] = []  # roots of the full subtrees, the largest first

    def add(self, leaf: bytes) -> None:
        """Append a leaf by its hash."""
        node, ones = leaf, self.size
        while ones & 1:  # a full subtree of the same size stands to the left
            node = _node(self._whole.pop(), node)
            ones >>= 1
        self._whole.append(node)
        self.size += 1

    def root(self) -> bytes:
        """MTH of RFC 6962 over what was added so far; of nothing: SHA-256 of the empty string."""
        if not self._whole:
            return sha256(b"").digest()
        *left, node = self._whole
        for whole in reversed(left):
            node = _node(whole, node)
        return node


def root(leaves: Iterable[bytes]) -> bytes:
    """The Merkle tree hash over entries (bytes as they are, not hashed yet)."""
    return root_of_hashes(map(leaf_hash, leaves))


def root_of_hashes(hashes: Iterable[bytes]) -> bytes:
    """The Merkle tree hash over leaf hashes: level by level, an odd last node goes up as it is."""
    level = list(hashes)
    while len(level) > 1:
        above = [
            sha256(b"\x01" + left + right).digest()
            for left, right in zip(level[::2], level[1::2], strict=False)
        ]
        if len(level) & 1:
            above.append(level[-1])
        level = above
    return level[0] if level else sha256(b"").digest()


def inclusion_proof(hashes: Sequence[bytes], index: int) -> list[bytes]:
    """PATH(index, tree) of RFC 9162, 2.1.3.1: the siblings from the leaf up. ValueError: no such leaf."""
    if not 0 <= index < len(hashes):
        raise ValueError(f"a tree of {len(hashes)} leaves has no leaf {index}")
    if len(hashes) == 1:
        return []
    half = _split(len(hashes))
    if index < half:
        return [*inclusion_proof(hashes[:half], index), root_of_hashes(hashes[half:])]
    return [*inclusion_proof(hashes[half:], index - half), root_of_hashes(hashes[:half])]


def consistency_proof(hashes: Sequence[bytes], first: int) -> list[bytes]:
    """PROOF(first, tree) of RFC 9162, 2.1.4.1; empty where `first` is 0 or the whole tree.

    Raises ValueError where the tree has fewer than `first` leaves.
    """
    if not 0 <= first <= len(hashes):
        raise ValueError(f"a tree of {len(hashes)} leaves never had {first}")
    return _subproof(hashes, first, whole=True) if first else []


def _subproof(hashes: Sequence[bytes], first: int, *, whole: bool) -> list[bytes]:
    """SUBPROOF; `whole`: the old root is known to whoever checks."""
    if first == len(hashes):
        return [] if whole else [root_of_hashes(hashes)]
    half = _split(len(hashes))
    if first <= half:
        return [*_subproof(hashes[:half], first, whole=whole), root_of_hashes(hashes[half:])]
    return [*_subproof(hashes[half:], first - half, whole=False), root_of_hashes(hashes[:half])]


def _split(size: int) -> int:
    """The largest power of two smaller than `size`."""
    return 1 << (size - 1).bit_length() - 1


def verify_inclusion(*, leaf: bytes, index: int, size: int, proof: Sequence[bytes], root: bytes) -> bool:
    """Whether the leaf (its hash) stands at `index` of the tree of that size and root: RFC 9162, 2.1.3.2."""
    if not 0 <= index < size:
        return False
    position, last, node = index, size - 1, leaf
    for sibling in proof:
        if last == 0:
            return False
        if position & 1 or position == last:
            node = _node(sibling, node)
            while not position & 1 and position:
                position, last = position >> 1, last >> 1
        else:
            node = _node(node, sibling)
        position, last = position >> 1, last >> 1
    return last == 0 and node == root


def verify_consistency(
    *, first: int, second: int, first_root: bytes, second_root: bytes, proof: Sequence[bytes]
) -> bool:
    """Whether the tree of `second` leaves begins with the one of `first` leaves: RFC 9162, 2.1.4.2.

    Every tree begins with the empty one, and with itself; both proofs are empty.
    """
    if not 0 <= first <= second:
        return False
    if first == 0:
        return not proof and first_root == root_of_hashes(()) and (second > 0 or second_root == first_root)
    if first == second:
        return not proof and first_root == second_root
    path = list(proof)
    if first & (first - 1) == 0:  # a full tree: its root is the first node
        path.insert(0, first_root)
    if not path:
        return False
    position, last = first - 1, second - 1
    while position & 1:
        position, last = position >> 1, last >> 1
    old = new = path[0]
    for sibling in path[1:]:
        if last == 0:
            return False
        if position & 1 or position == last:
            old, new = _node(sibling, old), _node(sibling, new)
            while not position & 1 and position:
                position, last = position >> 1, last >> 1
        else:
            new = _node(new, sibling)
        position, last = position >> 1, last >> 1
    return last == 0 and old == first_root and new == second_root
