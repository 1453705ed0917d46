"""One request as it arrived, and the JSON object in its body."""

import json
from dataclasses import dataclass
from typing import NoReturn

from channels_assets.sandbox.endpoints import AUTHORIZER_TOKEN, COMPONENT_TOKEN, TOKEN_PATHS
from channels_assets.sandbox.models import Json
from channels_assets.sandbox.refusals import Refusal

_EMPTY, _NOT_JSON = 44002, 47001


@dataclass(frozen=True)
class Request:
    """Method, path, query and body."""

    method: str
    path: str
    query: dict[str, str]
    body: bytes | None
    """None for a POST that does not say how long its body is."""
    client_ip: str

    @property
    def token(self) -> str:
        """The access token it carries, or the empty string."""
        token = self.query.get("access_token", "")
        if self.path == AUTHORIZER_TOKEN:
            # The new page spells it one way, the old one the other.
            return token or self.query.get("component_access_token", "")
        return token

    @property
    def cloud_token(self) -> str:
        """The token of a cloud call it carries, or the empty string."""
        return self.query.get("cloudbase_access_token", "")

    @property
    def asks_for_token(self) -> bool:
        """Whether it is one of the calls that need no token."""
        return self.path in (*TOKEN_PATHS, COMPONENT_TOKEN)


def parse_body(raw: bytes) -> Json | Refusal:
    """The object in the body, or what the API says about a body without one."""
    if not raw:
        return Refusal(_EMPTY)
    try:
        body = json.loads(raw.decode(), parse_constant=_refuse_constant)
    except ValueError:
        return Refusal(_NOT_JSON)
    return body if isinstance(body, dict) else Refusal(_NOT_JSON)


def _refuse_constant(name: str) -> NoReturn:
    raise ValueError(f"{name} is not JSON")
