"""Signatures: the vectors of RFC 8032, keys as files, and nothing that verifies without being signed."""

from __future__ import annotations

import stat
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric import rsa, x25519
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import (
    BestAvailableEncryption,
    Encoding,
    NoEncryption,
    PrivateFormat,
)
from hypothesis import given
from hypothesis import strategies as st

from pipelines.intake.signatures import SigningKey
from schemas.errors import UsageError
from schemas.signatures import verify_signature
from tests.laws.builds import malmoi

# RFC 8032, 7.1, tests 1 to 3: secret key, public key, message, signature
RFC_8032 = (
    (
        "9d61b19deffd5a60ba844af492ec2cc44449c5697b326919703bac031cae7f60",
        "d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a",
        "",
        "e5564300c360ac729086e2cc806e828a84877f1eb8e5d974d873e065224901555fb8821590a33bacc61e39701cf9b46bd"
        "25bf5f0595bbe24655141438e7a100b",
    ),
    (
        "4ccd089b28ff96da9db6c346ec114e0f5b8a319f35aba624da8cf6ed4fb8a6fb",
        "3d4017c3e843895a92b70aa74d1b7ebc9c982ccf2ec4968cc0cd55f12af4660c",
        "72",
        "92a009a9f0d4cab8720e820b5f642540a2b27b5416503f8fb3762223ebdb69da085ac1e43e15996e458f3613d0f11d8c3"
        "87b2eaeb4302aeeb00d291612bb0c00",
    ),
    (
        "c5aa8df43f9f837bedb7442f31dcb7b166d38535076f094b85ce3a2e0b4458f7",
        "fc51cd8e6218a1a38da47ed00230f0580816ed13ba3303ac5deb911548908025",
        "af82",
        "6291d657deec24024827e69c3abe01a30ce548a284743a445e3680d7db5ac3ac18ff9b538d16f290ae67f760984dc6594"
        "a7c15e9716ed28dc027beceea1ec40a",
    ),
)


def written(path: Path, private: object) -> Path:
    path.write_bytes(private.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()))  # type: ignore[attr-defined]
    path.chmod(0o600)
    return path


@pytest.mark.parametrize("vector", RFC_8032)
def test_signatures_are_those_of_rfc_8032(vector: tuple[str, str, str, str], tmp_path: Path):
    secret, public, message, signature = vector
    private = Ed25519PrivateKey.from_private_bytes(bytes.fromhex(secret))
    key = SigningKey.read(written(tmp_path / "key.pem", private))
    assert key.public == public
    assert key.sign(bytes.fromhex(message)) == signature
    assert verify_signature(key=public, message=bytes.fromhex(message), signature=signature)


@given(st.integers(0, 64 * 8 - 1), st.integers(0, 32 * 8 - 1), st.integers(0, 15))
def test_a_changed_bit_anywhere_is_seen(in_signature: int, in_key: int, in_message: int):
    _, public, message, signature = RFC_8032[2]

    def flip(text: str, bit: int) -> str:
        return (int(text, 16) ^ 1 << bit).to_bytes(len(text) // 2, "big").hex()

    content = bytes.fromhex(message)
    assert not verify_signature(key=public, message=content, signature=flip(signature, in_signature))
    assert not verify_signature(key=flip(public, in_key), message=content, signature=signature)
    changed = bytes.fromhex(flip(message, in_message))
    assert not verify_signature(key=public, message=changed, signature=signature)


@given(st.text(max_size=140), st.text(max_size=140))
def test_whatever_is_no_key_or_signature_is_false_and_no_error(key: str, signature: str):
    _, public, message, signed = RFC_8032[0]
    assert not verify_signature(key=key, message=bytes.fromhex(message), signature=signed)
    assert not verify_signature(key=public, message=bytes.fromhex(message), signature=signature)


def test_digits_are_small_and_there_are_no_more_of_them():
    _, public, message, signed = RFC_8032[0]
    content = bytes.fromhex(message)
    for key, signature in ((public.upper(), signed), (public, signed.upper()), (public + "\n", signed)):
        assert not verify_signature(key=key, message=content, signature=signature)


def test_a_new_key_is_its_owners_alone_and_reads_back(tmp_path: Path):
    made = SigningKey.create(tmp_path / "key.pem")
    assert stat.S_IMODE((tmp_path / "key.pem").stat().st_mode) == 0o600
    assert SigningKey.read(tmp_path / "key.pem") == made
    assert not SigningKey.read(tmp_path / "key.pem").exposed
    (tmp_path / "key.pem").chmod(0o640)
    assert SigningKey.read(tmp_path / "key.pem").exposed


def test_the_private_half_is_in_no_words_about_the_key(tmp_path: Path):
    key = SigningKey.create(tmp_path / "key.pem")
    assert repr(key) == f"SigningKey(public='{key.public}', exposed=False)"


def test_a_key_is_never_written_over(tmp_path: Path):
    first = SigningKey.create(tmp_path / "key.pem")
    with pytest.raises(UsageError, match="exists already"):
        SigningKey.create(tmp_path / "key.pem")
    assert SigningKey.read(tmp_path / "key.pem") == first


def test_what_is_no_key_is_said(tmp_path: Path):
    encrypted = Ed25519PrivateKey.generate().private_bytes(
        Encoding.PEM, PrivateFormat.PKCS8, BestAvailableEncryption(b"a password")
    )
    (tmp_path / "encrypted.pem").write_bytes(encrypted)
    (tmp_path / "text.pem").write_text("not a key")
    written(tmp_path / "rsa.pem", rsa.generate_private_key(public_exponent=65537, key_size=2048))
    written(tmp_path / "x25519.pem", x25519.X25519PrivateKey.generate())
    for name, message in {
        "none.pem": "no such file: make a key",
        "encrypted.pem": "the key is encrypted",
        "text.pem": "no private key in PEM",
        "rsa.pem": "not of Ed25519",
        "x25519.pem": "not of Ed25519",
        "": "cannot be read",
    }.items():
        with pytest.raises(UsageError, match=message):
            SigningKey.read(tmp_path / name)
    with pytest.raises(UsageError, match="cannot be written"):
        SigningKey.create(tmp_path / "no directory" / "key.pem")


def test_key_create_prints_the_public_half_once(tmp_path: Path):
    done = malmoi("key", "create", tmp_path / "key.pem")
    assert done.returncode == 0
    assert done.stdout.decode().strip() == SigningKey.read(tmp_path / "key.pem").public
    again = malmoi("key", "create", tmp_path / "key.pem")
    assert again.returncode == 2
    assert "exists already" in again.stderr.decode()
