"""Answers a request: finds the caller, logs the call, applies the faults in force, makes the reply."""

import random
import threading
import time
from collections.abc import Callable
from dataclasses import replace

from channels_assets.sandbox.call_log import Call, CallLog, Trace
from channels_assets.sandbox.faults import ActiveFaults, Fault
from channels_assets.sandbox.http_messages import (
    ApiError,
    Reply,
    Request,
    html_reply,
    json_reply,
    parse_body,
)
from channels_assets.sandbox.models import Json
from channels_assets.sandbox.pages import Page
from channels_assets.sandbox.routes import Authenticator, Routes
from channels_assets.sandbox.world import World


class Service:
    """Answers requests from any number of threads."""

    def __init__(
        self,
        world: World,
        routes: Routes,
        authenticator: Authenticator,
        *,
        latency: float,
        on_call: Callable[[Call], object] | None,
        clock: Callable[[], float],
    ) -> None:
        self.log = CallLog()
        self.faults = ActiveFaults()
        self._world = world
        self._routes = routes
        self._authenticator = authenticator
        self._latency = latency
        self._on_call = on_call
        self._clock = clock
        self._world_lock = threading.Lock()

    def answer(self, request: Request) -> Reply:
        """The reply to one request; its log entry is complete before the reply is sent."""
        body = parse_body(request.body or b"")
        fields = None if isinstance(body, ApiError) else body
        appid = self._caller(request, fields or {})
        rid = self._new_rid()
        now = self._clock()
        call = Call(request.path, appid, fields, errcode=0, status=0, rid=rid, at=now)
        self.log.add(call)
        if self._latency:
            time.sleep(self._latency)
        with self._world_lock:
            if self._on_call is not None:
                self._on_call(call)
            if request.body is None:
                errcode, reply = 0, html_reply(412, "412 Precondition Failed")
            else:
                faults = self.faults.match(request.path, appid, fields or {})
                answer = self._answer_with_faults(request, body, faults, rid)
                reply = json_reply(answer)
                if not int(answer.get("errcode", 0)):
                    reply = replace(reply, headers=self._authenticator.headers(request, rid))
                trace = Trace(appid, request, reply.body, self._clock())
                self._routes.traces.keep(rid, trace)
                reply = _reply_with_faults(reply, faults)
                errcode = int(answer.get("errcode", 0)) if reply.from_api else 0
        self.log.complete(rid, errcode, reply.status if reply.answered else 0)
        return reply

    def _caller(self, request: Request, fields: Json) -> str:
        owner = self._authenticator.owner(request)
        if owner or not request.is_token_call:
            return owner
        appid = fields.get("appid") or request.query.get("appid")
        appid = appid or fields.get("component_appid")
        if not isinstance(appid, str):
            return ""
        if appid == self._world.platform.appid or self._world.secret_of(appid) is not None:
            return appid
        return ""

    def _new_rid(self) -> str:
        return f"{int(self._clock()):08x}-{random.getrandbits(32):08x}-{random.getrandbits(32):08x}"

    def _answer_with_faults(
        self, request: Request, body: Json | ApiError, faults: list[Fault], rid: str
    ) -> Json:
        def apply_page_faults(page: Page) -> Page:
            for fault in faults:
                page = fault.effect.page(page) if fault.effect.page else page
            return page

        try:
            _raise_injected_error(request.path, faults)
            answer = self._routes.answer(request, body, apply_page_faults)
        except ApiError as error:
            answer = error.answer(request.client_ip, rid)
        for fault in faults:
            answer = fault.effect.answer(answer) if fault.effect.answer else answer
        return answer


def _raise_injected_error(path: str, faults: list[Fault]) -> None:
    for fault in faults:
        code = fault.errcode(path)
        if code is not None:
            raise ApiError(code, fault.text)


def _reply_with_faults(reply: Reply, faults: list[Fault]) -> Reply:
    for fault in faults:
        if fault.effect.reply:
            reply = replace(fault.effect.reply(reply), seconds=fault.seconds)
    return reply
