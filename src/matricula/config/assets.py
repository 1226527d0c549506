"""Which build of the pages this is: a name that follows from what it holds."""

from __future__ import annotations

import hashlib
from pathlib import Path


def build_of(*folders: Path) -> str:
    """Twelve hex digits for everything in the folders: another file, another name. Processes of
    one version agree on it, wherever they run."""
    digest = hashlib.sha256()
    for folder in folders:
        for file in sorted(path for path in folder.rglob("*") if path.is_file()):
            digest.update(str(file.relative_to(folder)).encode())
            digest.update(hashlib.sha256(file.read_bytes()).digest())
    return digest.hexdigest()[:12]
