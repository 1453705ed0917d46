"""Checks method, path, token and account of each call, and calls the function that answers it."""

from collections.abc import Callable

from channels_assets.sandbox.call_log import Traces
from channels_assets.sandbox.endpoints import (
    AUTHORIZER_TOKEN,
    CLEAR_QUOTA,
    COMPONENT_TOKEN,
    QUOTA_GET,
    RID_GET,
    STABLE_TOKEN,
    AccountType,
)
from channels_assets.sandbox.http_messages import ApiError, Request
from channels_assets.sandbox.lists import (
    ALL_PATHS,
    CLOUD_PATHS,
    LEAGUE_LISTS,
    LISTS,
    WINDOW_PRODUCTS,
    WindowEnd,
    window_products,
)
from channels_assets.sandbox.models import Json, Platform
from channels_assets.sandbox.pages import PageFault
from channels_assets.sandbox.platform import (
    CloudHosting,
    RefreshTokens,
    issue_authorizer_token,
    issue_component_token,
)
from channels_assets.sandbox.quotas import Quotas, clear_quota, quota_of
from channels_assets.sandbox.tokens import AccessTokens, issue_token
from channels_assets.sandbox.world import World

_UNKNOWN_PATH, _POST_ONLY, _WRONG_ACCOUNT = 40066, 43002, 48001
_NOT_AUTHORISED, _NO_PERMISSION_SET = 61003, 61007
_WINDOW_LIST_PERMISSION_SETS = {133, 177}
"""A platform with either permission set may read the window list."""


class Authenticator:
    """Finds the account of a call by its token, and whether the account may call."""

    def __init__(self, tokens: AccessTokens, cloud: CloudHosting, platform: Platform) -> None:
        self._tokens = tokens
        self._cloud = cloud
        self._platform = platform

    def owner(self, request: Request) -> str:
        """The calling account, its token valid or not; empty if unknown."""
        return self._tokens.owner(request.token) or self._cloud.owner(request)

    def headers(self, request: Request, rid: str) -> tuple[tuple[str, str], ...]:
        """Additional headers of a success."""
        return (("x-openapi-seqid", rid),) if self._cloud.is_open_api(request) else ()

    def check(self, request: Request) -> str:
        """The account of a call; raises ApiError unless its token is valid for this path."""
        if self._cloud.is_open_api(request):
            return self._cloud.owner(request)
        if request.cloud_token and not request.token:
            return self._cloud.check(request)
        caller = self._tokens.check(request.token)
        if self._tokens.platform(request.token):
            self._check_authorisation(caller, request.path)
        return caller

    def _check_authorisation(self, appid: str, path: str) -> None:
        authorisation = self._platform.authorisations.get(appid)
        if authorisation is None:
            raise ApiError(_NOT_AUTHORISED)
        if path in LISTS and not (
            path in CLOUD_PATHS and authorisation.permission_sets & _WINDOW_LIST_PERMISSION_SETS
        ):
            raise ApiError(_NO_PERMISSION_SET)


class Routes:
    """All calls of the API for one world."""

    def __init__(
        self,
        world: World,
        tokens: AccessTokens,
        authenticator: Authenticator,
        refresh_tokens: RefreshTokens,
        quotas: Quotas,
        window_end: WindowEnd,
    ) -> None:
        self.traces = Traces()
        self._world = world
        self._tokens = tokens
        self._authenticator = authenticator
        self._refresh_tokens = refresh_tokens
        self._quotas = quotas
        self._window_end: WindowEnd = window_end
        self._management: dict[str, Callable[[Json, str], Json]] = {
            QUOTA_GET: lambda body, caller: quota_of(
                body, caller, self._account_type(caller), quotas
            ),
            CLEAR_QUOTA: lambda body, caller: clear_quota(body, caller, quotas),
            RID_GET: self.traces.look_up,
        }

    def answer(self, request: Request, body: Json | ApiError, page_fault: PageFault) -> Json:
        """The JSON object to send; raises ApiError."""
        if request.path not in ALL_PATHS:
            raise ApiError(_UNKNOWN_PATH)
        if request.is_token_call:
            return self._issue_token(request, body)
        if request.method != "POST":
            raise ApiError(_POST_ONLY)
        caller = self._authenticator.check(request)
        if isinstance(body, ApiError):
            raise body
        if request.path == AUTHORIZER_TOKEN:
            platform = self._world.platform
            return issue_authorizer_token(
                body, caller, platform, self._tokens, self._refresh_tokens
            )
        if request.path in self._management:
            return self._management[request.path](body, caller)
        return self._list_page(request.path, caller, body, page_fault)

    def _issue_token(self, request: Request, body: Json | ApiError) -> Json:
        if request.path in (STABLE_TOKEN, COMPONENT_TOKEN):
            if request.method != "POST":
                raise ApiError(_POST_ONLY)
            if isinstance(body, ApiError):
                raise body
            if request.path == COMPONENT_TOKEN:
                return issue_component_token(body, self._world.platform, self._tokens)
            return issue_token(request.path, body, self._world.secret_of, self._tokens)
        # The documentation pages disagree: fields in the query, or in the body.
        fields = {**request.query, **({} if isinstance(body, ApiError) else body)}
        return issue_token(request.path, fields, self._world.secret_of, self._tokens)

    def _list_page(self, path: str, caller: str, body: Json, page_fault: PageFault) -> Json:
        endpoint = LISTS[path]
        if endpoint.account != self._account_type(caller):
            raise ApiError(_WRONG_ACCOUNT)
        self._quotas.count(caller, path)
        if endpoint == WINDOW_PRODUCTS:
            return window_products(self._world, caller, body, page_fault, self._window_end)
        return LEAGUE_LISTS[endpoint](self._world.league, body, page_fault)

    def _account_type(self, caller: str) -> AccountType:
        return "window" if caller in self._world.windows else "league"
