"""A push service on loopback for a real browser: Mozilla's client protocol on one side, a strict RFC 8030 on the other.

It hands out endpoints under Mozilla's own host name, so that whoever sends keeps the allow-list of production; only
the sender's connection is led here (`address`, `ca_file`). Its state belongs to the thread of its event loop; what
tests read are copies.
"""

import asyncio
import base64
import json
import secrets
import shutil
import ssl
import tempfile
import threading
import time
import urllib.parse
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from types import TracebackType
from typing import Any, Final, Self, TypeVar

from aiohttp import WSMsgType, web

from tests.doubles.certificates import make_certificates
from tests.doubles.push_checks import check_push_request

HOST: Final = "updates.push.services.mozilla.com"
ORIGIN: Final = f"https://{HOST}"
MAX_READ: Final = 64 * 1024
DELIVERED: Final = 100
UNDECIPHERED: Final = 101
NOT_DELIVERED: Final = 102
HELLO_TIMEOUT: Final = 60.0
PATIENCE: Final = 60.0
"""Seconds until something is given up, however busy the machine is."""
Found = TypeVar("Found")


@dataclass(frozen=True, slots=True)
class Subscription:
    """A browser's subscription; `active` until it unsubscribes."""

    token: str
    channel: str
    browser: str
    application_key: bytes | None
    active: bool = True

    @property
    def endpoint(self) -> str:
        """The address the browser gives to the application."""
        return f"{ORIGIN}/wpush/v2/{self.token}"


@dataclass(frozen=True, slots=True)
class Post:
    """One POST as it came, and what it was answered."""

    token: str
    status: int
    explanation: str
    size: int
    ttl: int = 0
    topic: str = ""
    urgency: str = ""
    version: str = ""


@dataclass(frozen=True, slots=True)
class Ack:
    """What the browser says of one message: 100 delivered, 101 not decrypted, 102 not delivered."""

    token: str
    version: str
    code: int


@dataclass(frozen=True, slots=True)
class Held:
    """A message accepted and not yet acknowledged."""

    version: str
    topic: str
    body: bytes
    until: float


class BrowserPush:
    """The service, in a thread of its own; use it as a context manager or call `start` and `stop`."""

    def __init__(self) -> None:
        self._folder = Path(tempfile.mkdtemp(prefix="browser-push-"))
        self._certificates = make_certificates(self._folder, (HOST,))
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, name="browser-push", daemon=True)
        self._runners: list[web.AppRunner] = []
        self._changed = threading.Condition()
        self._greeted = asyncio.Event()
        self._browsers: dict[str, web.WebSocketResponse] = {}
        self._subscriptions: dict[str, Subscription] = {}
        self._held: dict[str, dict[str, Held]] = {}
        self._posts: list[Post] = []
        self._acks: list[Ack] = []
        self._reachable = True
        self._answers: deque[tuple[int, Mapping[str, str]]] = deque()
        self.ca_file = str(self._certificates.ca_file)
        self.ws_port = 0
        self.tls_port = 0

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()

    def start(self) -> None:
        """Open both doors on free ports of loopback."""
        self._thread.start()
        asyncio.run_coroutine_threadsafe(self._open(), self._loop).result(timeout=PATIENCE)

    def stop(self) -> None:
        """Close both doors, hang up on the browser, end the thread."""
        asyncio.run_coroutine_threadsafe(self._close(), self._loop).result(timeout=PATIENCE)
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(timeout=PATIENCE)
        self._loop.close()
        shutil.rmtree(self._folder, ignore_errors=True)

    @property
    def ws_url(self) -> str:
        """What the browser's `dom.push.serverURL` is set to."""
        return f"ws://127.0.0.1:{self.ws_port}/"

    @property
    def address(self) -> str:
        """Where a sender is to connect instead of Mozilla: `127.0.0.1:port`, TLS, trusted by `ca_file`."""
        return f"127.0.0.1:{self.tls_port}"

    def page_after_hello(self, url: str) -> str:
        """The address of a page that leads to `url` once a browser has said hello: a subscription before it is lost."""
        return f"http://127.0.0.1:{self.ws_port}/wait-until-hello?{urllib.parse.urlencode({'next': url})}"

    def answer_next(self, *statuses: int, headers: Mapping[str, str] | None = None) -> None:
        """Answer the next POSTs that pass the checks with these, one each, and deliver nothing of them."""
        with self._changed:
            self._answers.extend((status, headers or {}) for status in statuses)

    def lose_the_browser(self) -> None:
        """Hang up and take no call, as when a phone is off: what is posted from now on waits here."""
        asyncio.run_coroutine_threadsafe(self._hang_up(), self._loop).result(timeout=PATIENCE)

    def find_the_browser(self, *, timeout: float = PATIENCE) -> None:
        """Take calls again and wait until the browser, which tries again and again, has said hello."""
        self._reachable = True
        self._wait(lambda: bool(self._browsers), timeout, "the browser has not called again")

    @property
    def subscriptions(self) -> list[Subscription]:
        """Every subscription made, oldest first, those given up included."""
        with self._changed:
            return list(self._subscriptions.values())

    @property
    def posts(self) -> list[Post]:
        """Every POST received, oldest first, those refused included."""
        with self._changed:
            return list(self._posts)

    @property
    def acks(self) -> list[Ack]:
        """Every acknowledgement of the browser, oldest first."""
        with self._changed:
            return list(self._acks)

    @property
    def waiting(self) -> int:
        """How many messages were accepted and are not yet acknowledged."""
        with self._changed:
            return sum(len(held) for held in self._held.values())

    def wait_for_subscription(self, *, after: int = 0, timeout: float = PATIENCE) -> Subscription:
        """Wait until more than `after` subscriptions were made, and return the newest."""
        return self._wait(lambda: self._subscriptions_after(after), timeout, "the browser has not subscribed")

    def wait_for_unsubscription(self, subscription: Subscription, *, timeout: float = PATIENCE) -> None:
        """Wait until the browser gives a subscription up; from then on its endpoint answers 410."""
        self._wait(
            lambda: not self._subscriptions[subscription.token].active, timeout, "the browser has not unsubscribed"
        )

    def wait_for_post(self, *, after: int = 0, timeout: float = PATIENCE) -> Post:
        """Wait until more than `after` POSTs came, and return the newest."""
        return self._wait(lambda: self._posts[-1] if len(self._posts) > after else None, timeout, "nothing was posted")

    def wait_for_ack(self, *, after: int = 0, timeout: float = PATIENCE) -> Ack:
        """Wait until the browser acknowledged more than `after` messages, and return the newest acknowledgement."""
        return self._wait(
            lambda: self._acks[-1] if len(self._acks) > after else None, timeout, "the browser acknowledged nothing"
        )

    def _subscriptions_after(self, count: int) -> Subscription | None:
        made = list(self._subscriptions.values())
        return made[-1] if len(made) > count else None

    def _wait(self, condition: Callable[[], Found | None], timeout: float, complaint: str) -> Found:
        with self._changed:
            found = self._changed.wait_for(condition, timeout)
            if not found:
                raise AssertionError(
                    f"{complaint} within {timeout:g} s: {len(self._browsers)} browser(s) connected,"
                    f" {len(self._subscriptions)} subscription(s), posts {self._posts}, acks {self._acks}",
                )
            return found

    # The two doors

    async def _open(self) -> None:
        inner = web.Application()
        inner.add_routes([web.get("/", self._talk_to_a_browser), web.get("/wait-until-hello", self._await_hello)])
        self.ws_port = await self._listen(inner)
        outer = web.Application(client_max_size=MAX_READ)
        outer.add_routes([web.post("/wpush/v2/{token}", self._take_a_message)])
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(self._certificates.chain_file, self._certificates.key_file)
        self.tls_port = await self._listen(outer, context)

    async def _listen(self, application: web.Application, context: ssl.SSLContext | None = None) -> int:
        runner = web.AppRunner(application, access_log=None, shutdown_timeout=0.1)
        await runner.setup()
        self._runners.append(runner)
        await web.TCPSite(runner, "127.0.0.1", 0, ssl_context=context).start()
        return int(runner.addresses[0][1])

    async def _close(self) -> None:
        await self._hang_up()
        for runner in self._runners:
            await runner.cleanup()

    async def _hang_up(self) -> None:
        self._reachable = False
        with self._changed:
            leaving = list(self._browsers.values())
            self._browsers.clear()
        for browser in leaving:
            await browser.close()

    async def _await_hello(self, request: web.Request) -> web.StreamResponse:
        async with asyncio.timeout(HELLO_TIMEOUT):
            await self._greeted.wait()
        raise web.HTTPFound(request.query["next"])

    async def _take_a_message(self, request: web.Request) -> web.Response:
        token, body = request.match_info["token"], await request.read()
        subscription = self._subscriptions.get(token)
        if request.host != HOST:
            return self._answer(Post(token, 421, f"this is {HOST}, not {request.host}", len(body)))
        if subscription is None:
            return self._answer(Post(token, 404, "no such subscription", len(body)))
        if not subscription.active:
            return self._answer(Post(token, 410, "the browser has unsubscribed", len(body)))
        key = subscription.application_key
        verdict = check_push_request(request.headers, body, ORIGIN, time.time(), application_key=key)
        post = Post(token, verdict.status, verdict.explanation, len(body), verdict.ttl, verdict.topic, verdict.urgency)
        if post.status != web.HTTPCreated.status_code:
            return self._answer(post)
        if self._answers:
            asked, headers = self._answers.popleft()
            return self._answer(replace(post, status=asked, explanation="the test asks for it"), headers)
        post = replace(post, version=secrets.token_urlsafe(16))
        answer = self._answer(post, {"Location": f"{ORIGIN}/m/{post.version}", "TTL": str(post.ttl)})
        await self._deliver(subscription, Held(post.version, post.topic, body, time.monotonic() + post.ttl))
        return answer

    def _answer(self, post: Post, headers: Mapping[str, str] | None = None) -> web.Response:
        with self._changed:
            self._posts.append(post)
            self._changed.notify_all()
        return web.json_response(
            {"code": post.status, "message": post.explanation}, status=post.status, headers=headers
        )

    async def _deliver(self, subscription: Subscription, message: Held) -> None:
        """Keep a message until the browser acknowledges it; one of the same topic that still waits is replaced."""
        with self._changed:
            held = self._held.setdefault(subscription.token, {})
            for older in [one for one in held.values() if one.topic and one.topic == message.topic]:
                del held[older.version]
            held[message.version] = message
        await self._hand_over(subscription, message)

    async def _hand_over(self, subscription: Subscription, message: Held) -> None:
        browser = self._browsers.get(subscription.browser)
        if browser is None or browser.closed:
            return
        await browser.send_json(
            {
                "messageType": "notification",
                "channelID": subscription.channel,
                "version": message.version,
                "data": base64.urlsafe_b64encode(message.body).decode().rstrip("="),
                "headers": {"encoding": "aes128gcm"},
            },
        )

    # What the browser says

    async def _talk_to_a_browser(self, request: web.Request) -> web.WebSocketResponse:
        if not self._reachable:
            raise web.HTTPServiceUnavailable
        browser = web.WebSocketResponse(protocols=["push-notification"])
        await browser.prepare(request)
        name = ""
        try:
            async for message in browser:
                if message.type == WSMsgType.TEXT:
                    name = await self._hear(browser, name, json.loads(message.data))
        finally:
            with self._changed:
                if self._browsers.get(name) is browser:
                    del self._browsers[name]
        return browser

    async def _hear(self, browser: web.WebSocketResponse, name: str, said: Mapping[str, Any]) -> str:
        """Answer one message of a browser, and return the name it goes by; other kinds need no answer."""
        match said.get("messageType", "ping"):
            case "hello":
                return await self._greet(browser, said)
            case "register":
                await self._register(browser, name, said)
            case "unregister":
                await self._unregister(browser, name, said)
            case "ack":
                self._note_acks(name, said["updates"])
            case "ping":
                await browser.send_str("{}")
        return name

    async def _greet(self, browser: web.WebSocketResponse, said: Mapping[str, Any]) -> str:
        known = {subscription.browser for subscription in self._subscriptions.values()}
        name = said["uaid"] if said.get("uaid") in known else secrets.token_hex(16)
        await browser.send_json(
            {"messageType": "hello", "uaid": name, "status": 200, "use_webpush": True, "broadcasts": {}}
        )
        with self._changed:
            self._browsers[name] = browser
            self._changed.notify_all()
        self._greeted.set()
        for subscription in [one for one in self._subscriptions.values() if one.browser == name and one.active]:
            for message in list(self._held.get(subscription.token, {}).values()):
                if message.until > time.monotonic():
                    await self._hand_over(subscription, message)
        return name

    async def _register(self, browser: web.WebSocketResponse, name: str, said: Mapping[str, Any]) -> None:
        key = said.get("key")
        subscription = Subscription(
            token=f"gAAAAA{secrets.token_urlsafe(96)}",
            channel=said["channelID"],
            browser=name,
            application_key=base64.urlsafe_b64decode(key + "==") if key else None,
        )
        with self._changed:
            self._subscriptions[subscription.token] = subscription
            self._changed.notify_all()
        await browser.send_json(
            {
                "messageType": "register",
                "channelID": subscription.channel,
                "status": 200,
                "pushEndpoint": subscription.endpoint,
            },
        )

    async def _unregister(self, browser: web.WebSocketResponse, name: str, said: Mapping[str, Any]) -> None:
        with self._changed:
            subscription = self._of(name, said["channelID"])
            if subscription is not None:
                self._subscriptions[subscription.token] = replace(subscription, active=False)
                self._held.pop(subscription.token, None)
            self._changed.notify_all()
        await browser.send_json({"messageType": "unregister", "channelID": said["channelID"], "status": 200})

    def _note_acks(self, name: str, updates: Sequence[Mapping[str, Any]]) -> None:
        with self._changed:
            for update in updates:
                subscription = self._of(name, update["channelID"])
                if subscription is not None:
                    self._held.get(subscription.token, {}).pop(update["version"], None)
                    self._acks.append(Ack(subscription.token, update["version"], update["code"]))
            self._changed.notify_all()

    def _of(self, name: str, channel: str) -> Subscription | None:
        """The subscription of this browser on this channel."""
        of_channel = (one for one in self._subscriptions.values() if (one.browser, one.channel) == (name, channel))
        return next(of_channel, None)
