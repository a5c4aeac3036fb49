"""The last of a build, by whoever made its files: the manifest is put beside them."""

from __future__ import annotations

import hashlib
from pathlib import Path

from pipelines.engine.files import write_whole
from schemas.manifest import Manifest, digest_line, manifest_bytes


def publish(build: Path, manifest: Manifest) -> str:
    """Remove what the manifest does not name, then put the manifest there: from now on this is a build."""
    named = {file.path for file in manifest.files}
    for path in sorted(build.rglob("*"), reverse=True):
        if path.is_dir():
            if not any(path.iterdir()):
                path.rmdir()
        elif path.relative_to(build).as_posix() not in named:
            path.unlink()
    content = manifest_bytes(manifest)
    digest = hashlib.sha256(content).hexdigest()
    write_whole(build / "manifest.sha256", digest_line(digest))
    write_whole(build / "manifest.json", content)
    return digest
