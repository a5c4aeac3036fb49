"""Where the drops of a build lie, in which epoch they came, and that they are what was admitted."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from pipelines.intake.drops import Drop, discover
from pipelines.intake.splits import PlannedFile, plan_file
from schemas.contract import Contract
from schemas.errors import InputUnreadable, LossExceeded
from schemas.receipt import RECEIPT_JSON, Receipt, drop_of, read_receipt

SHOWN = 16  # hexadecimal digits of a drop's digest by which ledger, receipts and messages name it


@dataclass(frozen=True)
class DropPlace:
    """A drop before it is looked at, somewhere under ROOT/<partner>/."""

    partner: str
    root: Path
    epoch: int = 0
    admitted: Path | None = None  # the registry's directory of the drop: receipt.json, faults.parquet


@dataclass(frozen=True)
class BuildDrop:
    """A drop of the build, every file read once for its digest and splits."""

    partner: str
    epoch: int
    directory: Path
    admitted: Path | None
    digest: str
    drop: Drop
    files: tuple[PlannedFile, ...]

    @property
    def name(self) -> str:
        """The drop in ledger and receipts."""
        return self.digest[:SHOWN]

    @property
    def period(self) -> str:
        """The last day that its data is of; "" where nobody said."""
        sent = self.drop.sent
        return sent.period.last if sent and sent.period else ""


def look_at(place: DropPlace, contract: Contract, *, split_bytes: int) -> BuildDrop:
    """Find the drop and read its files.

    Without a registry ROOT/<partner>/ is the drop. With one it is the directory there, itself or one inside
    it, that holds exactly the bytes that were admitted. Raises LossExceeded for no drop or one without a
    file, InputUnreadable where a file cannot be read, or what was admitted is missing or has changed.
    """
    home = place.root / place.partner
    if place.admitted is None:
        if not home.is_dir():
            raise LossExceeded(
                f"{place.partner}: no drop (directory {place.partner}/ under the drops): "
                "hand it in, or take the partner out of the recipe"
            )
        return _read(place, contract, home, split_bytes)
    receipt = receipt_in(place.admitted)
    for directory in _of_its_sizes(home, receipt):
        found = _read(place, contract, directory, split_bytes)
        if found.digest == receipt.drop:
            return found
    raise InputUnreadable(
        f"{place.partner}: drop {receipt.drop[:SHOWN]} of the registry is not under "
        f"{place.root.name}/{place.partner}/, or has changed since: put the files that were admitted there"
    )


def _read(place: DropPlace, contract: Contract, directory: Path, split_bytes: int) -> BuildDrop:
    drop = discover(directory, contract)
    if not drop.files:
        raise LossExceeded(
            f"{contract.partner}: the drop holds no file that the contract names: "
            "hand one in, or take the partner out of the recipe"
        )
    files = tuple(
        plan_file(
            directory,
            file,
            contract.data_set(file.data_set),
            partner=contract.partner,
            split_bytes=split_bytes,
        )
        for file in drop.files
    )
    digest = drop_of({file.path: file.sha256 for file in files})
    return BuildDrop(place.partner, place.epoch, directory, place.admitted, digest, drop, files)


def receipt_in(directory: Path) -> Receipt:
    """The receipt that lies beside a drop's faults; raises InputUnreadable where it is none."""
    try:
        content = (directory / RECEIPT_JSON).read_bytes()
    except OSError as error:
        raise InputUnreadable(
            f"{directory.parent.name}/{directory.name}/{RECEIPT_JSON}: cannot be read (errno {error.errno}): "
            "run 'malmoi registry verify'"
        ) from None
    return read_receipt(content, name=f"{directory.parent.name}/{directory.name}/{RECEIPT_JSON}")


def _of_its_sizes(home: Path, receipt: Receipt) -> Iterator[Path]:
    """Directories whose files have the paths and sizes of the receipt's; a cheap look before the digests."""
    if not home.is_dir():
        return
    inside = sorted(path for path in home.iterdir() if path.is_dir() and not path.is_symlink())
    for directory in (home, *inside):
        if all(_size(directory / file.path) == file.bytes for file in receipt.files):
            yield directory


def _size(path: Path) -> int | None:
    return path.stat().st_size if path.is_file() else None
