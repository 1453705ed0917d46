"""An answer as it goes over the wire, before and after faults have spoilt it."""

import json
from dataclasses import dataclass
from enum import Enum, auto

from channels_assets.sandbox.models import Json

JSON_TYPE = "application/json; encoding=utf-8"
HTML_TYPE = "text/html; charset=utf-8"


class Delivery(Enum):
    """How the bytes leave."""

    WHOLE = auto()
    CUT = auto()
    DROP = auto()
    HANG = auto()
    SLOW = auto()
    HUGE = auto()


@dataclass(frozen=True)
class Reply:
    """Status, headers and body of one answer."""

    body: bytes
    status: int = 200
    content_type: str = JSON_TYPE
    headers: tuple[tuple[str, str], ...] = ()
    delivery: Delivery = Delivery.WHOLE
    seconds: float = 0.0
    """How long a slow delivery takes."""

    @property
    def answered(self) -> bool:
        """Whether the client gets an answer at all."""
        return self.delivery not in (Delivery.DROP, Delivery.HANG)

    @property
    def from_api(self) -> bool:
        """Whether the client gets the words of the API, not those of something in between."""
        return self.answered and self.content_type != HTML_TYPE


def json_reply(answer: Json) -> Reply:
    """The answer as the API writes it: UTF-8, Chinese not escaped."""
    return Reply(json.dumps(answer, ensure_ascii=False, separators=(",", ":")).encode())


def html_reply(status: int, title: str) -> Reply:
    """What a gateway in front of the API says."""
    page = f"<html><head><title>{title}</title></head><body><h1>{title}</h1></body></html>\r\n"
    return Reply(page.encode(), status=status, content_type=HTML_TYPE)
