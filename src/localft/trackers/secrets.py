"""What is never told: the user and the password that an address may hold."""

from __future__ import annotations

import re

_USER = re.compile(r"(?<=://)[^\s/?#]*@")


def without_secrets(text: str) -> str:
    """The text, every address in it without user and password: http://me:secret@host/x -> http://host/x"""
    return _USER.sub("", text)
