"""Where an endpoint is and how it is reached, as a person writes it. Knows nothing of HTTP, and never holds a key."""

import hashlib
import ipaddress
import os
import re
from collections.abc import Mapping
from typing import Annotated, Any, Literal
from urllib.parse import urlsplit

from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator

from advisor.errors import InputError, Problem, complaints

FORM = "{endpoint: https://host/v1, name: MODEL, key_env: VARIABLE}"
# No sign that two readers of an address may take differently, or that shows it to a person as another one.
PLAIN = re.compile(r"https?://(\[[0-9A-Fa-f:.]+\]|[A-Za-z0-9._-]+)(:\d+)?(/[!-\[\]-~]*)?", re.IGNORECASE)


class Price(BaseModel):
    """USD per million tokens."""

    model_config = ConfigDict(extra="forbid", strict=True, frozen=True)

    prompt: Annotated[float, Field(ge=0, allow_inf_nan=False)]
    completion: Annotated[float, Field(ge=0, allow_inf_nan=False)]


class Address(BaseModel):
    """A model behind an OpenAI-compatible server.

    `endpoint` is the address up to and without `/chat/completions`; `name` the model's name there; `key_env` the
    environment variable that holds the key ("" for none); `can` what it can do beside generating (None: to be tried);
    `concurrency` the most requests under way at once; `context` the tokens that prompt and answer may have together.
    """

    model_config = ConfigDict(extra="forbid", strict=True, frozen=True)

    endpoint: str
    name: Annotated[str, Field(min_length=1, pattern=r"^[^#\s]+$")]
    key_env: str = ""
    can: tuple[Literal["generate", "constrain"], ...] | None = None
    concurrency: Annotated[int, Field(ge=1, le=256)] = 8
    price: Price | None = None
    context: Annotated[int, Field(ge=512)] = 8192

    @field_validator("can", mode="before")
    @classmethod
    def _can(cls, value: object) -> object:
        return tuple(value) if isinstance(value, list) else value

    @field_validator("endpoint")
    @classmethod
    def _endpoint(cls, value: str) -> str:
        parts = urlsplit(value)
        if parts.scheme not in ("http", "https") or not parts.hostname or parts.port == 0:
            raise ValueError("write an address such as http://localhost:8000/v1")
        if "@" in parts.netloc or parts.query or parts.fragment:
            raise ValueError("no user, password or query may stand in it; name the key's variable with key_env")
        if not PLAIN.fullmatch(value):
            raise ValueError("write it in plain letters, without spaces or backslashes")
        return value.rstrip("/").removesuffix("/chat/completions")

    @field_validator("key_env")
    @classmethod
    def _key_env(cls, value: str) -> str:
        if not re.fullmatch(r"([A-Z_][A-Z0-9_]*)?", value):  # a key put here by mistake has small letters or hyphens
            raise ValueError("write the name of an environment variable in capitals, such as MY_API_KEY, never the key")
        return value

    def __str__(self) -> str:
        return "#".join(filter(None, (self.endpoint, self.name, self.key_env)))

    @property
    def fingerprint(self) -> str:
        """A hash of address and name: all that is known of the weights."""
        return hashlib.sha256(f"{self.endpoint}#{self.name}".encode()).hexdigest()[:16]

    @property
    def on_this_machine(self) -> bool:
        """Whether the address is on loopback, so that nothing leaves the machine."""
        host = urlsplit(self.endpoint).hostname or ""
        try:
            return host == "localhost" or ipaddress.ip_address(host).is_loopback
        except ValueError:  # a name, which may stand for any machine
            return False

    @property
    def key(self) -> str:
        """The key, read from the environment each time and kept nowhere; "" where none is needed. Raises InputError."""
        if not self.key_env:
            return ""
        value = os.environ.get(self.key_env, "").strip()
        if not value:
            advice = "Set it in the environment; its value is written nowhere"
            raise InputError(Problem("holds the endpoint's key and is not set", f"${self.key_env}", do=advice))
        if not (value.isascii() and value.isprintable()):
            advice = "Copy the key again"
            raise InputError(Problem("holds characters that no key has", f"${self.key_env}", do=advice))
        return value


def parse_address(value: str | Mapping[str, Any]) -> Address:
    """The address in a mapping of task.yaml, or in `URL#name` or `URL#name#KEY_ENV`. Raises ValueError, all told at once."""
    if isinstance(value, str):
        url, _, rest = value.partition("#")
        name, _, key_env = rest.partition("#")
        value = {"endpoint": url, "name": name, "key_env": key_env}
    try:
        return Address.model_validate(dict(value))
    except ValidationError as error:
        raise ValueError("; ".join(f"{'.'.join(one.place)}: {one.what}" for one in complaints(error))) from None
