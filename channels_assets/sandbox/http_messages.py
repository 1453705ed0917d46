"""Requests as they arrive, replies as they are sent, and the error codes of the API."""

import json
from dataclasses import dataclass
from enum import Enum, auto
from typing import NoReturn

from channels_assets.sandbox.endpoints import AUTHORIZER_TOKEN, COMPONENT_TOKEN, TOKEN_PATHS
from channels_assets.sandbox.models import Json

JSON_TYPE = "application/json; encoding=utf-8"
HTML_TYPE = "text/html; charset=utf-8"

_EMPTY, _NOT_JSON = 44002, 47001

ERROR_TEXTS = {
    -1: "system error",
    40001: "invalid credential, access_token is invalid or not latest",
    40002: "invalid grant_type",
    40013: "invalid appid",
    40014: "invalid access_token",
    40066: "invalid url",
    40125: "invalid appsecret",
    40164: "invalid ip {ip} ipv6 ::ffff:{ip}, not in whitelist",
    40243: "AppSecret is frozen",
    41001: "access_token missing",
    41002: "appid missing",
    41004: "appsecret missing",
    42001: "access_token expired",
    43002: "require POST method",
    44002: "empty post data",
    45009: "reach max api daily quota limit",
    45011: "api minute-quota reach limit, must slower, retry next minute",
    47001: "data format error",
    48001: "api unauthorized",
    48006: "forbid to clear quota because of reaching the limit",
    61003: "component is not authorized by this account",
    61005: "component ticket is expired",
    61006: "component ticket is invalid",
    61007: "api is unauthorized to component",
    61011: "invalid component",
    61023: "refresh_token is invalid",
    76001: "rid not found",
    76002: "invalid rid",
    76003: "no permission to query this rid",
    76021: "cgi_path not found",
    76022: "could not use this cgi_path, no permission",
    10022002: "橱窗因违规被封禁",
    10022006: "参数超出限制",
    10024000: "参数错误",
    10071029: "推客未与机构绑定",
}


class ApiError(Exception):
    """An error answer of the API: the code and its text, still without the rid."""

    def __init__(self, code: int, text: str | None = None) -> None:
        self.code = code
        self.text = ERROR_TEXTS.get(code, "unknown error") if text is None else text
        super().__init__(f"{code} {self.text}")

    def answer(self, client_ip: str, rid: str) -> Json:
        """The JSON object of the error; some texts name the caller's address."""
        text = self.text.replace("{ip}", client_ip)
        return {"errcode": self.code, "errmsg": f"{text} rid: {rid}"}


@dataclass(frozen=True)
class Request:
    """One request: method, path, query and body."""

    method: str
    path: str
    query: dict[str, str]
    body: bytes | None
    """None for a POST without Content-Length."""
    client_ip: str

    @property
    def token(self) -> str:
        """The access token of the request, or the empty string."""
        token = self.query.get("access_token", "")
        if self.path == AUTHORIZER_TOKEN:
            # The new documentation page and the old page name this parameter differently.
            return token or self.query.get("component_access_token", "")
        return token

    @property
    def cloud_token(self) -> str:
        """The token of a cloud call, or the empty string."""
        return self.query.get("cloudbase_access_token", "")

    @property
    def is_token_call(self) -> bool:
        """Whether this is a token call, which needs no token."""
        return self.path in (*TOKEN_PATHS, COMPONENT_TOKEN)


def parse_body(raw: bytes) -> Json | ApiError:
    """The JSON object in the body, or the error of the API for a body without a JSON object."""
    if not raw:
        return ApiError(_EMPTY)
    try:
        body = json.loads(raw.decode(), parse_constant=_reject_constant)
    except ValueError:
        return ApiError(_NOT_JSON)
    return body if isinstance(body, dict) else ApiError(_NOT_JSON)


def _reject_constant(name: str) -> NoReturn:
    raise ValueError(f"{name} is not JSON")


class Delivery(Enum):
    """How the bytes are sent."""

    WHOLE = auto()
    CUT = auto()
    DROP = auto()
    HANG = auto()
    SLOW = auto()
    HUGE = auto()


@dataclass(frozen=True)
class Reply:
    """Status, headers and body of an answer on the wire."""

    body: bytes
    status: int = 200
    content_type: str = JSON_TYPE
    headers: tuple[tuple[str, str], ...] = ()
    delivery: Delivery = Delivery.WHOLE
    seconds: float = 0.0
    """Duration of a slow delivery."""

    @property
    def answered(self) -> bool:
        """Whether the client gets an answer."""
        return self.delivery not in (Delivery.DROP, Delivery.HANG)

    @property
    def from_api(self) -> bool:
        """Whether the answer comes from the API, not from a proxy or gateway."""
        return self.answered and self.content_type != HTML_TYPE


def json_reply(answer: Json) -> Reply:
    """The answer as the API sends it: UTF-8, Chinese not escaped."""
    return Reply(json.dumps(answer, ensure_ascii=False, separators=(",", ":")).encode())


def html_reply(status: int, title: str) -> Reply:
    """An HTML page, as a gateway in front of the API sends it."""
    page = f"<html><head><title>{title}</title></head><body><h1>{title}</h1></body></html>\r\n"
    return Reply(page.encode(), status=status, content_type=HTML_TYPE)
