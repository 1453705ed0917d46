"""The side of 云托管: tokens pushed into a container, and 开放接口服务, which needs none."""

import secrets
from collections.abc import Callable

from channels_assets.sandbox.endpoints import CLOUD_PATHS
from channels_assets.sandbox.http_messages import Refusal, Request

_LIFE = 1800.0
_UNKNOWN, _EXPIRED, _NO_CLOUD_CALL = 40001, 42001, 48001


class Cloud:
    """Cloud calls. `open_api_for`: the account that 开放接口服务 calls as, while it is on."""

    def __init__(self, clock: Callable[[], float], open_api_for: str) -> None:
        self._clock = clock
        self._open_api_for = open_api_for
        self._issued: dict[str, tuple[str, float]] = {}

    def push(self, appid: str) -> str:
        """What the file of the container holds from now on; it works for 30 minutes."""
        text = f"{90 + len(self._issued) % 10}_{secrets.token_urlsafe(102)}"
        self._issued[text] = (appid, self._clock() + _LIFE)
        return text

    def owner(self, request: Request) -> str:
        """The account that calls, whether it may or not; empty when this is no cloud call."""
        if self.is_open_api(request):
            return self._open_api_for
        return self._issued.get(request.cloud_token, ("", 0.0))[0]

    def is_open_api(self, request: Request) -> bool:
        """Whether the sidecar of 开放接口服务 takes this call."""
        bare = not request.token and not request.cloud_token
        return bool(self._open_api_for) and bare and request.path in CLOUD_PATHS

    def check(self, request: Request) -> str:
        """The account of a cloud token that works here; any other is refused."""
        appid, expires_at = self._issued.get(request.cloud_token, ("", 0.0))
        if not appid:
            raise Refusal(_UNKNOWN)
        if self._clock() >= expires_at:
            raise Refusal(_EXPIRED)
        if request.path not in CLOUD_PATHS:
            raise Refusal(_NO_CLOUD_CALL)
        return appid

    def expire_all(self) -> None:
        """Every token so far has expired."""
        self._issued = {text: (appid, 0.0) for text, (appid, _) in self._issued.items()}

    def texts(self) -> set[str]:
        """Every token ever pushed."""
        return set(self._issued)
