"""The key of a study: 32 random bytes that its agencies share, and whoever links the lists lacks.

Everything that `protect` writes hangs on it. Without it an encoding cannot be made, so nobody can
try names until one fits; with it, anybody can. It is made once, handed from agency to agency, and
put into no output, log or message.
"""

from __future__ import annotations

import base64
import binascii
import contextlib
import os
import secrets
import stat
from dataclasses import dataclass, field
from pathlib import Path

from darkfigure.errors import InputError, Problem

SIZE = 32
CHECK = 4
HEADER = """\
darkfigure key, version 1
# For the agencies of the study alone, handed over in person or by a channel they trust.
# Never for whoever links the lists, never by the way that the protected lists take.
"""


@dataclass(frozen=True)
class Key:
    """The secret that the agencies of a study share; it does not show itself.

    Parameters
    ----------
    secret : bytes
        32 random bytes.

    Examples
    --------
    >>> Key(bytes(32))
    Key()
    >>> Key(bytes(32)).fingerprint
    '67528aff30a86fbb'
    """

    secret: bytes = field(repr=False)

    def derive(self, purpose: str) -> bytes:
        """A key of its own for one purpose, from which neither this key nor another follows.

        HKDF with SHA-256 (RFC 5869). Encodings with different keys share no bits, so the same text
        in two of them cannot be seen.
        """
        from cryptography.hazmat.primitives.hashes import SHA256
        from cryptography.hazmat.primitives.kdf.hkdf import HKDF

        info = f"darkfigure 1: {purpose}".encode()
        return HKDF(algorithm=SHA256(), length=SIZE, salt=None, info=info).derive(self.secret)

    @property
    def fingerprint(self) -> str:
        """Tells keys apart and betrays nothing of them; protected lists carry it."""
        return self.derive("fingerprint")[:8].hex()


def new_key() -> Key:
    """A new random key.

    Examples
    --------
    >>> new_key() == new_key()
    False
    """
    return Key(secrets.token_bytes(SIZE))


def save_key(key: Key, path: str | Path) -> None:
    """Write a key to a file that only its owner may read; a file that is there stays as it is.

    Raises
    ------
    InputError
        If there is such a file already, or it cannot be written.

    Examples
    --------
    >>> from tempfile import TemporaryDirectory
    >>> key = new_key()
    >>> with TemporaryDirectory() as folder:
    ...     file = Path(folder, "study.key")
    ...     save_key(key, file)
    ...     load_key(file) == key, exposed(file)
    (True, None)
    """
    check = key.derive("key file")[:CHECK]
    text = HEADER + base64.b64encode(key.secret + check).decode() + "\n"
    try:
        handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    except FileExistsError:
        raise _refusal(
            path,
            "There is a file of this name already. A key that is written over is lost, and with it "
            "every list that it protected; choose another name.",
        ) from None
    except OSError as error:
        raise _refusal(path, f"The key cannot be written here: {error.strerror}.") from None
    try:
        with os.fdopen(handle, "w", encoding="ascii") as file:
            file.write(text)
    except OSError as error:
        with contextlib.suppress(OSError):
            os.unlink(path)
        raise _refusal(path, f"The key cannot be written here: {error.strerror}.") from None


def load_key(path: str | Path) -> Key:
    """Read a key that `save_key` wrote.

    Raises
    ------
    InputError
        If there is no such file, it is no key, or it is damaged. What it holds is never repeated.
    """
    try:
        with open(path, "rb") as file:
            lines = file.read(4096).decode("ascii").split("\n")
    except UnicodeDecodeError:
        lines = []
    except OSError as error:
        raise _refusal(path, f"The key cannot be read: {error.strerror}.") from None
    if not lines or lines[0].strip() != HEADER.split("\n")[0]:
        raise _refusal(path, "This is no darkfigure key; `darkfigure protect --new-key` makes one.")
    said = "".join(line.strip() for line in lines[1:] if not line.startswith("#"))
    try:
        whole = base64.b64decode(said, validate=True)
    except binascii.Error:
        whole = b""
    key = Key(whole[:SIZE])
    if len(whole) != SIZE + CHECK or key.derive("key file")[:CHECK] != whole[SIZE:]:
        raise _refusal(
            path, "This key is damaged: a character is missing or wrong. Ask for the file again."
        )
    return key


def exposed(path: str | Path) -> str | None:
    """A sentence if others on this machine may read the key, or None.

    It is no refusal, for on a memory stick every file is open to all.
    """
    if os.name == "posix" and os.stat(path).st_mode & (stat.S_IRWXG | stat.S_IRWXO):
        return (
            f"Others who use this computer can read the key in {path}; "
            f"`chmod 600` makes it yours alone."
        )
    return None


def _refusal(path: str | Path, message: str) -> InputError:
    return InputError(Problem(message, file=str(path)))
