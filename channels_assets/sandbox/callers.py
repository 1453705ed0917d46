"""Who calls: by which kind of token, and what that kind may do."""

from channels_assets.sandbox.endpoints import CLOUD_PATHS, LISTS
from channels_assets.sandbox.http_messages import Refusal, Request
from channels_assets.sandbox.models import Platform
from channels_assets.sandbox.platform import Cloud
from channels_assets.sandbox.tokens import TokenDesk

_WITHDRAWN, _NOT_GRANTED = 61003, 61007
_ENOUGH = {133, 177}
"""Either of these permission sets opens the window list to a platform."""


class Callers:
    """Tells accounts by what their calls carry."""

    def __init__(self, tokens: TokenDesk, cloud: Cloud, platform: Platform) -> None:
        self._tokens = tokens
        self._cloud = cloud
        self._platform = platform

    def owner(self, request: Request) -> str:
        """The account, whether it may call or not; empty if unknown."""
        return self._tokens.owner(request.token) or self._cloud.owner(request)

    def headers(self, request: Request, rid: str) -> tuple[tuple[str, str], ...]:
        """What a success carries beside its body."""
        return (("x-openapi-seqid", rid),) if self._cloud.is_open_api(request) else ()

    def check(self, request: Request) -> str:
        """The account of a call that may go on; any other is refused."""
        if self._cloud.is_open_api(request):
            return self._cloud.owner(request)
        if request.cloud_token and not request.token:
            return self._cloud.check(request)
        caller = self._tokens.check(request.token)
        if self._tokens.via(request.token):
            self._check_grant(caller, request.path)
        return caller

    def _check_grant(self, appid: str, path: str) -> None:
        granted = self._platform.authorisations.get(appid)
        if granted is None:
            raise Refusal(_WITHDRAWN)
        if path in LISTS and not (path in CLOUD_PATHS and granted.permission_sets & _ENOUGH):
            raise Refusal(_NOT_GRANTED)
