"""What has to wait on disk between two steps, sealed.

The pairs of records that may be one person are kept while a run goes on, so that an interrupt does
not lose them. They are encrypted and authenticated (AES-256-GCM) with a key that lies outside the
study's folders, in the user's own state folder; when the run ends both are removed.
"""

from __future__ import annotations

import contextlib
import hashlib
import io
import json
import os
from dataclasses import replace
from pathlib import Path

import numpy as np

from darkfigure.lists.link import Links

ARRAYS = ("on", "left", "right", "log_odds", "apart_left", "apart_right")


class Sealed:
    """A place for links on disk.

    Parameters
    ----------
    file : Path
        Where they are kept, sealed.
    belongs_to : str
        What they were made from; links made from anything else are not opened.

    Examples
    --------
    >>> from tempfile import TemporaryDirectory
    >>> links = Links(("a", "b"), np.array([0, 1]), np.array([0]), np.array([1]), np.array([2.5]))
    >>> with TemporaryDirectory() as folder:
    ...     kept = Sealed(Path(folder, "links.sealed"), "these lists")
    ...     kept.save(links)
    ...     opened, other = kept.load(), Sealed(kept.file, "other lists").load()
    ...     kept.remove()
    >>> opened.log_odds, other is None, kept.key.exists()
    (array([2.5]), True, False)
    """

    def __init__(self, file: Path, belongs_to: str) -> None:
        self.file = file
        self.belongs_to = belongs_to.encode()
        name = hashlib.sha256(str(file.resolve()).encode()).hexdigest()[:32]
        self.key = state_folder() / f"{name}.key"

    def save(self, links: Links) -> None:
        """Seal the links; the file is whole or it is not there."""
        from cryptography.hazmat.primitives.ciphers.aead import AESGCM

        content = io.BytesIO()
        rest = {"lists": links.lists, "levels": links.levels, "rules": links.rules}
        told = np.frombuffer(json.dumps(rest).encode(), np.uint8)
        np.savez_compressed(content, told=told, **{name: getattr(links, name) for name in ARRAYS})
        nonce = os.urandom(12)
        sealed = nonce + AESGCM(self._secret()).encrypt(nonce, content.getvalue(), self.belongs_to)
        part = self.file.with_name(self.file.name + ".part")
        part.parent.mkdir(parents=True, exist_ok=True)
        with part.open("wb") as stream:
            stream.write(sealed)
            stream.flush()
            os.fsync(stream.fileno())
        os.replace(part, self.file)

    def load(self) -> Links | None:
        """The links, or None where there are none, or none that belong here."""
        from cryptography.exceptions import InvalidTag
        from cryptography.hazmat.primitives.ciphers.aead import AESGCM

        try:
            sealed, secret = self.file.read_bytes(), self.key.read_bytes()
            content = AESGCM(secret).decrypt(sealed[:12], sealed[12:], self.belongs_to)
        except (OSError, ValueError, InvalidTag):
            return None
        with np.load(io.BytesIO(content)) as found:
            told = json.loads(found["told"].tobytes())
            arrays = {name: found[name] for name in ARRAYS}
        links = Links(tuple(told["lists"]), **arrays)
        return replace(links, levels=told["levels"], rules=told["rules"])

    def remove(self) -> None:
        """Remove the key first: without it the rest is noise."""
        parts = (file.with_name(file.name + ".part") for file in (self.key, self.file))
        for file in (self.key, self.file, *parts):
            with contextlib.suppress(OSError):  # it is not there, or never could be
                file.unlink()

    def _secret(self) -> bytes:
        """The key, made when there is none; only its owner may read it."""
        from cryptography.hazmat.primitives.ciphers.aead import AESGCM

        with contextlib.suppress(OSError):
            secret = self.key.read_bytes()
            if len(secret) == 32:
                return secret
        self.key.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        secret = AESGCM.generate_key(256)
        part = self.key.with_name(f"{self.key.name}.part")
        with open(os.open(part, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "wb") as stream:
            stream.write(secret)
        os.replace(part, self.key)
        return secret


def state_folder() -> Path:
    """Where this user's programs keep what is no one else's business (XDG base directories)."""
    home = os.environ.get("XDG_STATE_HOME") or Path.home() / ".local" / "state"
    return Path(home) / "darkfigure"
