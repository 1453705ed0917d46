"""Access tokens: the two calls that issue them for an appid and its secret, and their validity."""

import re
import secrets
import threading
from collections.abc import Callable
from dataclasses import dataclass

from channels_assets.sandbox.endpoints import STABLE_TOKEN
from channels_assets.sandbox.http_messages import ApiError
from channels_assets.sandbox.models import Json
from channels_assets.sandbox.quotas import shanghai_day

SecretOf = Callable[[str], str | None]

_OVERLAP = 300.0
_FORCED_PER_DAY = 20
_FORCED_INTERVAL = 30.0
_FORMAT = re.compile(r"\d\d_[\w-]{20,}", re.ASCII)
_REPLACED, _EXPIRED, _MALFORMED, _QUOTA = 40001, 42001, 40014, 45009


@dataclass
class _Token:
    text: str
    appid: str
    expires_at: float
    platform: str = ""
    """The third-party platform that it was issued to, if any."""
    replaced_at: float = float("inf")

    def error_code(self, now: float) -> int | None:
        if now >= self.replaced_at:
            return _REPLACED
        return _EXPIRED if now >= self.expires_at else None


class AccessTokens:
    """Issues tokens in the two ways of the API, which do not affect each other."""

    def __init__(self, life: float, clock: Callable[[], float]) -> None:
        self._life = life
        # WeChat: 5 minutes of 2 hours. With a shorter life the overlap must be shorter as well.
        self._overlap = min(_OVERLAP, life / 4)
        self._clock = clock
        self._lock = threading.Lock()
        self._issued: dict[str, _Token] = {}
        self._plain: dict[tuple[str, str], _Token] = {}
        self._stable: dict[str, _Token] = {}
        self._forced: dict[str, list[float]] = {}

    def plain(self, appid: str, platform: str = "") -> tuple[str, int]:
        """A new token at each call; the previous token stays valid for the overlap."""
        with self._lock:
            now = self._clock()
            previous = self._plain.get((appid, platform))
            if previous is not None:
                previous.replaced_at = min(previous.replaced_at, now + self._overlap)
            token = self._plain[appid, platform] = self._issue(appid, now, platform)
            return self._answer(token, now)

    def stable(self, appid: str, force: bool) -> tuple[str, int]:
        """The same token until shortly before it expires, unless `force` renews it."""
        with self._lock:
            now = self._clock()
            current = self._stable.get(appid)
            if current is not None and current.error_code(now) is not None:
                current = None
            if force and self._may_force(appid, now):
                if current is not None:
                    current.replaced_at = now
                current = None
            if current is None or current.expires_at - now <= self._overlap:
                current = self._stable[appid] = self._issue(appid, now)
            return self._answer(current, now)

    def owner(self, text: str) -> str:
        """The account of a token, valid or not; empty for an unknown token."""
        token = self._issued.get(text)
        return token.appid if token else ""

    def platform(self, text: str) -> str:
        """The third-party platform that a token was issued to, or the empty string."""
        token = self._issued.get(text)
        return token.platform if token else ""

    def check(self, text: str) -> str:
        """The account of a valid token; raises ApiError for any other."""
        if not text:
            raise ApiError(41001)
        if not _FORMAT.fullmatch(text):
            raise ApiError(_MALFORMED)
        token = self._issued.get(text)
        code = _REPLACED if token is None else token.error_code(self._clock())
        if token is None or code is not None:
            raise ApiError(code or _REPLACED)
        return token.appid

    def expire_all(self) -> None:
        """Expire all tokens issued so far."""
        with self._lock:
            for token in self._issued.values():
                token.expires_at = min(token.expires_at, self._clock())

    def revoke_all(self) -> None:
        """Invalidate all tokens issued so far, as if newer tokens had replaced them."""
        with self._lock:
            for token in self._issued.values():
                token.replaced_at = min(token.replaced_at, self._clock())

    def issued(self) -> set[str]:
        """All tokens ever issued."""
        with self._lock:
            return set(self._issued)

    def _issue(self, appid: str, now: float, platform: str = "") -> _Token:
        text = f"{90 + len(self._issued) % 10}_{secrets.token_urlsafe(102)}"
        token = self._issued[text] = _Token(text, appid, now + self._life, platform)
        return token

    def _answer(self, token: _Token, now: float) -> tuple[str, int]:
        return token.text, int(token.expires_at - now)

    def _may_force(self, appid: str, now: float) -> bool:
        forced = self._forced.setdefault(appid, [])
        if forced and now - forced[-1] < _FORCED_INTERVAL:
            return False
        today = [timestamp for timestamp in forced if shanghai_day(timestamp) == shanghai_day(now)]
        if len(today) >= _FORCED_PER_DAY:
            raise ApiError(_QUOTA)
        forced.append(now)
        return True


def issue_token(path: str, fields: Json, secret_of: SecretOf, tokens: AccessTokens) -> Json:
    """Answer a token call; `fields` are its body or its query. A success has no errcode."""
    appid = _authenticate(fields, secret_of)
    if path == STABLE_TOKEN:
        token, expires_in = tokens.stable(appid, force=fields.get("force_refresh") is True)
    else:
        token, expires_in = tokens.plain(appid)
    return {"access_token": token, "expires_in": expires_in}


def _authenticate(fields: Json, secret_of: SecretOf) -> str:
    appid, secret = fields.get("appid"), fields.get("secret")
    if fields.get("grant_type") != "client_credential":
        raise ApiError(40002)
    if not appid:
        raise ApiError(41002)
    if not secret:
        raise ApiError(41004)
    expected = secret_of(appid) if isinstance(appid, str) else None
    if expected is None:
        raise ApiError(40013)
    if expected != secret:
        raise ApiError(40125)
    return appid
