"""The service's token: the user's own, or one that is drawn once and kept for its owner alone."""

from __future__ import annotations

import os
import re
import secrets
from pathlib import Path

from localft import settings
from localft.errors import UsageError

FILE = "token"
_FORM = re.compile(r"[\x21-\x7e]{8,512}")


def service_token(home: Path) -> str:
    """LOCALFT_API_KEY; else the token kept in `home`, which is drawn on first use."""
    token = settings.api_key()
    if token is not None:
        return _checked(token, "LOCALFT_API_KEY")
    return kept_token(home) or _keep(home / FILE, f"localft-{secrets.token_urlsafe(32)}")


def kept_token(home: Path) -> str | None:
    """The token that a service with this home has drawn; None where there is none yet."""
    file = home / FILE
    try:
        if file.stat().st_mode & 0o077 and os.name == "posix":
            raise UsageError(
                f"{file}: expected a file that only its owner can read, found mode {file.stat().st_mode & 0o777:o}; "
                f"delete it for a new token, or chmod 600 it if nobody else has read it."
            )
        return _checked(file.read_text(encoding="utf-8").strip(), str(file))
    except FileNotFoundError:
        return None


def _keep(file: Path, token: str) -> str:
    """Writes the token under another name first: a file called `token` is whole."""
    drawn = file.with_name(f".token-{os.getpid()}")
    drawn.unlink(missing_ok=True)
    handle = os.open(drawn, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(handle, "w", encoding="utf-8") as written:
        written.write(token + "\n")
    os.replace(drawn, file)
    return token


def _checked(token: str, where: str) -> str:
    if not _FORM.fullmatch(token):
        raise UsageError(f"{where}: expected 8 to 512 printable ASCII characters without spaces, found others.")
    return token
