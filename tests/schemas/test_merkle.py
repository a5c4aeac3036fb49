"""Merkle trees: the vectors of Certificate Transparency, an oracle by definition, and proofs that bind."""

from __future__ import annotations

from hashlib import sha256

import pytest
from hypothesis import given
from hypothesis import strategies as st

from schemas.merkle import (
    GrowingTree,
    consistency_proof,
    inclusion_proof,
    leaf_hash,
    root,
    root_of_hashes,
    verify_consistency,
    verify_inclusion,
)

# github.com/google/certificate-transparency, cpp/merkletree/merkle_tree_test.cc
LEAVES = [
    bytes.fromhex(text)
    for text in (
        "",
        "00",
        "10",
        "2021",
        "3031",
        "40414243",
        "5051525354555657",
        "606162636465666768696a6b6c6d6e6f",
    )
]
ROOTS = (
    "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855",
    "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d",
    "fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125",
    "aeb6bcfe274b70a14fb067a5e5578264db0fa9b51af5e0ba159158f329e06e77",
    "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7",
    "4e3bbb1f7b478dcfe71fb631631519a3bca12c9aefca1612bfce4c13a86264d4",
    "76e67dadbcdf1e10e1b74ddc608abd2f98dfb16fbce75277b5232a127f2087ef",
    "ddb89be403809e325750d3d263cd78929c2942b7942a34b77e122c9594a74c8c",
    "5dc9da79a70659a9ad559cb701ded9a2ab9d823aad2f4960cfe370eff4604328",
)
HASHES = [leaf_hash(leaf) for leaf in LEAVES]
INCLUSION = {  # (leaf, size): the path of the same test
    (0, 1): (),
    (0, 8): (
        "96a296d224f285c67bee93c30f8a309157f0daa35dc5b87e410b78630a09cfc7",
        "5f083f0a1a33ca076a95279832580db3e0ef4584bdff1f54c8a360f50de3031e",
        "6b47aaf29ee3c2af9af889bc1fb9254dabd31177f16232dd6aab035ca39bf6e4",
    ),
    (5, 8): (
        "bc1a0643b12e4d2d7c77918f44e0f4f79a838b6cf9ec5b5c283e1f4d88599e6b",
        "ca854ea128ed050b41b35ffc1b87b8eb2bde461e9e3b5596ece6b9d5975a0ae0",
        "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7",
    ),
    (2, 3): ("fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125",),
}
CONSISTENCY = {
    (1, 1): (),
    (1, 8): INCLUSION[0, 8],
    (6, 8): (
        "0ebc5d3437fbe2db158b9f126a1d118e308181031d0a949f8dededebc558ef6a",
        "ca854ea128ed050b41b35ffc1b87b8eb2bde461e9e3b5596ece6b9d5975a0ae0",
        "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7",
    ),
    (2, 5): (
        "5f083f0a1a33ca076a95279832580db3e0ef4584bdff1f54c8a360f50de3031e",
        "bc1a0643b12e4d2d7c77918f44e0f4f79a838b6cf9ec5b5c283e1f4d88599e6b",
    ),
}


def oracle(leaves: list[bytes]) -> bytes:
    """MTH as RFC 6962, 2.1 defines it, word by word."""
    if not leaves:
        return sha256(b"").digest()
    if len(leaves) == 1:
        return sha256(b"\0" + leaves[0]).digest()
    k = max(2**power for power in range(20) if 2**power < len(leaves))
    return sha256(b"\1" + oracle(leaves[:k]) + oracle(leaves[k:])).digest()


leaves_ = st.lists(st.binary(max_size=6), max_size=70)


@pytest.mark.parametrize("size", range(9))
def test_roots_are_those_of_certificate_transparency(size: int):
    assert root(LEAVES[:size]).hex() == ROOTS[size]


@pytest.mark.parametrize("case", INCLUSION)
def test_inclusion_proofs_are_those_of_certificate_transparency(case: tuple[int, int]):
    index, size = case
    assert tuple(node.hex() for node in inclusion_proof(HASHES[:size], index)) == INCLUSION[case]


@pytest.mark.parametrize("case", CONSISTENCY)
def test_consistency_proofs_are_those_of_certificate_transparency(case: tuple[int, int]):
    first, second = case
    assert tuple(node.hex() for node in consistency_proof(HASHES[:second], first)) == CONSISTENCY[case]


@given(leaves_)
def test_the_root_is_the_definitions_at_every_size(leaves: list[bytes]):
    tree = GrowingTree()
    for size, leaf in enumerate(leaves):
        assert tree.root() == oracle(leaves[:size])
        tree.add(leaf_hash(leaf))
    assert tree.root() == root(leaves) == root_of_hashes(map(leaf_hash, leaves)) == oracle(leaves)


@pytest.mark.parametrize("size", [*range(1, 34), 64, 65, 100])
def test_every_proof_of_every_leaf_and_prefix_verifies(size: int):
    hashes = [leaf_hash(bytes([number])) for number in range(size)]
    whole = root_of_hashes(hashes)
    for index in range(size):
        proof = inclusion_proof(hashes, index)
        assert len(proof) <= (size - 1).bit_length()
        assert verify_inclusion(leaf=hashes[index], index=index, size=size, proof=proof, root=whole)
    for first in range(size + 1):
        proof = consistency_proof(hashes, first)
        old = root_of_hashes(hashes[:first])
        assert verify_consistency(first=first, second=size, first_root=old, second_root=whole, proof=proof)


@given(st.integers(1, 70), st.data())
def test_an_inclusion_proof_is_of_one_leaf_place_size_and_root(size: int, data: st.DataObject):
    hashes = [leaf_hash(bytes([number])) for number in range(size)]
    index = data.draw(st.integers(0, size - 1))
    good = {
        "leaf": hashes[index],
        "index": index,
        "size": size,
        "proof": inclusion_proof(hashes, index),
        "root": root_of_hashes(hashes),
    }
    assert verify_inclusion(**good)
    other = data.draw(st.integers(-1, 80).filter(lambda number: number != index))
    assert not verify_inclusion(**{**good, "index": other})
    # A proof holds for sizes whose tree has the same shape around the leaf; never with another depth.
    assert not verify_inclusion(**{**good, "size": data.draw(st.integers(-1, index))})
    assert not verify_inclusion(**{**good, "size": size * 2})
    for name in ("leaf", "root"):
        assert not verify_inclusion(**{**good, name: data.draw(flipped(good[name]))})
    for worse in data.draw(worsened(good["proof"])):
        assert not verify_inclusion(**{**good, "proof": worse})


@given(st.integers(1, 70), st.data())
def test_a_consistency_proof_is_of_two_sizes_and_roots(second: int, data: st.DataObject):
    hashes = [leaf_hash(bytes([number])) for number in range(second)]
    first = data.draw(st.integers(1, second))
    good = {
        "first": first,
        "second": second,
        "first_root": root_of_hashes(hashes[:first]),
        "second_root": root_of_hashes(hashes),
        "proof": consistency_proof(hashes, first),
    }
    assert verify_consistency(**good)
    for name in ("first_root", "second_root"):
        assert not verify_consistency(**{**good, name: data.draw(flipped(good[name]))})
    assert not verify_consistency(**{**good, "first": -first})
    assert not verify_consistency(**{**good, "first": 0})
    assert not verify_consistency(**{**good, "second": first - 1})
    other = data.draw(st.integers(1, second).filter(lambda size: size != first) | st.just(second + 1))
    assert not verify_consistency(**{**good, "first": other})
    for worse in data.draw(worsened(good["proof"])):
        assert not verify_consistency(**{**good, "proof": worse})


@given(st.integers(2, 40), st.data())
def test_no_proof_joins_a_log_whose_past_was_changed(size: int, data: st.DataObject):
    """Whatever nodes a cheat may send: those of the old log, of the new one, of both."""
    old = [leaf_hash(bytes([number])) for number in range(size)]
    first = data.draw(st.integers(1, size))
    place = data.draw(st.integers(0, first - 1))
    new = [*old[:place], leaf_hash(b"another"), *old[place + 1 :]]
    honest, cheat = consistency_proof(old, first), consistency_proof(new, first)
    mixed = [data.draw(st.sampled_from(pair)) for pair in zip(honest, cheat, strict=True)]
    for proof in (honest, cheat, mixed):
        assert not verify_consistency(
            first=first,
            second=size,
            first_root=root_of_hashes(old[:first]),
            second_root=root_of_hashes(new),
            proof=proof,
        )


def test_a_proof_of_what_is_not_there_is_refused():
    for index in (-1, 8):
        with pytest.raises(ValueError, match="no leaf"):
            inclusion_proof(HASHES, index)
    for first in (-1, 9):
        with pytest.raises(ValueError, match="never had"):
            consistency_proof(HASHES, first)


def test_a_proof_that_goes_on_above_the_root_is_refused():
    """Even where a cheat makes roots that it leads to."""
    above = bytes(32)

    def over(node: bytes) -> bytes:
        return sha256(b"\1" + above + node).digest()

    proof = [*inclusion_proof(HASHES[:3], 2), above]
    raised = over(root_of_hashes(HASHES[:3]))
    assert not verify_inclusion(leaf=HASHES[2], index=2, size=3, proof=proof, root=raised)
    assert not verify_consistency(
        first=3,
        second=4,
        first_root=raised,
        second_root=over(root_of_hashes(HASHES[:4])),
        proof=[*consistency_proof(HASHES[:4], 3), above],
    )


def test_a_leaf_is_no_node():
    """Two leaves' hashes joined are no leaf: without the prefixes a log of one could pass for one of two."""
    assert root([HASHES[0] + HASHES[1]]) != root(LEAVES[:2])


@st.composite
def flipped(draw: st.DrawFn, digest: bytes) -> bytes:
    """The digest with one bit changed."""
    bit = draw(st.integers(0, len(digest) * 8 - 1))
    return bytes(byte ^ (1 << bit % 8 if place == bit // 8 else 0) for place, byte in enumerate(digest))


@st.composite
def worsened(draw: st.DrawFn, proof: list[bytes]) -> list[list[bytes]]:
    """The proof with a node more, and with one changed, one less and two exchanged where it has them."""
    worse = [[*proof, bytes(32)]]
    if proof:
        place = draw(st.integers(0, len(proof) - 1))
        worse.append([*proof[:place], draw(flipped(proof[place])), *proof[place + 1 :]])
        worse.append([*proof[:place], *proof[place + 1 :]])
    if len(proof) > 1:
        worse.append([*proof[1:], proof[0]])
    return worse
