"""How many pushes a second one core encrypts, signs for and sends, beside pywebpush's own loop and the curve alone.

The sender has core 0, a sink over TLS and HTTP/2 core 1; every message is for another key. `python -m bench.sender`.
"""

import base64
import contextlib
import os
import re
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import psutil
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat, PublicFormat
from pywebpush import WebPusher, webpush

from bench.cores import APPLICATION, REST, free_port, running, stay_on, wait_for
from bench.figures import Figure, median
from notifications.encryption import encrypt
from notifications.vapid import VapidSigner
from notifications.webpush import Answer, Envelope, PushSender
from notifications.webpush_curl import CurlSender
from tests.doubles.certificates import Certificates, make_certificates

MESSAGES: Final = 20_000
README_MESSAGES: Final = 400
SIZES: Final = (100, 1000)
ROUNDS: Final = 3
IN_FLIGHT: Final = 256
CONTACT: Final = "mailto:bench@citylife.example"
TOPIC: Final = "AZrXyzAZrXyzAZrXyzAZrX"
BUSY: Final = 0.9
"""A sink that uses more of its core than this may be what holds the sender back: the bench says so and fails."""


class SinkTooSlow(Exception):
    """The sink was at its limit: the figure would be its own, not the sender's."""


@dataclass(frozen=True, slots=True)
class Device:
    """One browser's keys."""

    p256dh: bytes
    auth: bytes

    @property
    def as_json(self) -> dict[str, str]:
        """The keys as browsers give them."""
        return {"p256dh": base64url(self.p256dh), "auth": base64url(self.auth)}


@dataclass(frozen=True, slots=True)
class Sink:
    """Where the messages go."""

    port: int
    process: psutil.Process
    certificates: Certificates

    def seconds_used(self) -> float:
        """Processor seconds the sink has used, its workers included."""
        family = [self.process, *self.process.children(recursive=True)]
        return sum(sum(each.cpu_times()[:2]) for each in family)


@dataclass(frozen=True, slots=True)
class Sending:
    """One round: messages a second, and how busy the two cores were."""

    per_second: float
    sender_share: float
    sink_share: float


def base64url(raw: bytes) -> str:
    """Unpadded base64url."""
    return base64.urlsafe_b64encode(raw).rstrip(b"=").decode()


def devices(count: int) -> list[Device]:
    """So many distinct browsers."""
    keys = (ec.generate_private_key(ec.SECP256R1()).public_key() for _ in range(count))
    return [Device(key.public_bytes(Encoding.X962, PublicFormat.UncompressedPoint), os.urandom(16)) for key in keys]


@contextlib.contextmanager
def a_sink(folder: Path, *, core: int | None = REST) -> Iterator[Sink]:
    """Run the sink on its core."""
    certificates = make_certificates(folder)
    port, log = free_port(), folder / "sink.log"
    command = [
        *(sys.executable, "-m", "granian", "--interface", "rsgi", "--host", "127.0.0.1", "--port", str(port)),
        *("--ssl-certificate", str(certificates.chain_file), "--ssl-keyfile", str(certificates.key_file)),
        *("--workers", "1", "--no-ws", "--loop", "asyncio", "--log-level", "warning", "--backlog", "1024"),
        "bench.sink:accept_everything",
    ]
    with running(command, {}, core=core, log=log) as process:
        wait_for(port, process, log)
        yield Sink(port, psutil.Process(process.pid), certificates)


def send(sender: PushSender, envelopes: Sequence[Envelope]) -> None:
    """Send as the dispatcher does, a bounded number in flight; every one must be accepted."""
    waiting = iter(envelopes)
    left = len(envelopes)
    while left:
        while sender.in_flight < IN_FLIGHT and (envelope := next(waiting, None)) is not None:
            sender.submit(envelope)
        for outcome in sender.turn(1.0):
            assert outcome.answer is Answer.ACCEPTED, outcome
            left -= 1


def sending(sink: Sink, signer: VapidSigner, receivers: Sequence[Device], message: bytes) -> Sending:
    """One round of one message to every device, over connections opened before the clock starts."""
    envelopes = [
        Envelope(
            key=number,
            endpoint=f"https://fcm.googleapis.com/fcm/send/{number:08}:{'a' * 132}",
            p256dh=device.p256dh,
            auth=device.auth,
            plaintext=message,
            ttl=3600,
            topic=TOPIC,
        )
        for number, device in enumerate(receivers)
    ]
    connect_to, ca_file = f"127.0.0.1:{sink.port}", str(sink.certificates.ca_file)
    with CurlSender(signer, connect_to=connect_to, ca_file=ca_file) as sender:
        send(sender, envelopes[:IN_FLIGHT])
        used, sink_used, began = time.process_time(), sink.seconds_used(), time.perf_counter()
        send(sender, envelopes)
        seconds = time.perf_counter() - began
        shares = (time.process_time() - used) / seconds, (sink.seconds_used() - sink_used) / seconds
    return Sending(len(envelopes) / seconds, *shares)


def readme_loop(sink: Sink, key_file: Path, receivers: Sequence[Device], message: bytes) -> float:
    """The loop of pywebpush's README, messages a second: one call a message, its key read from its file."""
    os.environ["REQUESTS_CA_BUNDLE"] = str(sink.certificates.ca_file)
    infos = [
        {"endpoint": f"https://localhost:{sink.port}/fcm/send/{number:08}:{'a' * 132}", "keys": device.as_json}
        for number, device in enumerate(receivers)
    ]
    began = time.perf_counter()
    for info in infos:
        webpush(
            subscription_info=info,
            data=message,  # type: ignore[arg-type]
            vapid_private_key=str(key_file),
            vapid_claims={"sub": CONTACT},
            ttl=3600,
        )
    return len(infos) / (time.perf_counter() - began)


def curve_alone() -> float:
    """ECDH operations a second by OpenSSL itself on this core."""
    told = subprocess.run(
        ["openssl", "speed", "-seconds", "1", "ecdhp256"], capture_output=True, text=True, check=True
    ).stdout
    found = re.search(r"ecdh \(nistp256\)\s+[\d.]+s\s+([\d.]+)", told)
    if found is None:
        raise SystemExit(f"openssl speed says something else than expected:\n{told}")
    return float(found[1])


def each_second(call: Callable[[Device], object], receivers: Sequence[Device]) -> float:
    """Calls a second, once for every device."""
    began = time.perf_counter()
    for device in receivers:
        call(device)
    return len(receivers) / (time.perf_counter() - began)


def figures(messages: int = MESSAGES, rounds: int = ROUNDS) -> list[Figure]:
    """Measure the sender, its baselines side by side with it, and its encryption alone.

    Raises:
        SinkTooSlow: the sink, not the sender, set the pace.
    """
    before = os.sched_getaffinity(0)
    stay_on(APPLICATION)
    try:
        with tempfile.TemporaryDirectory(prefix="bench-sender-") as folder, a_sink(Path(folder)) as sink:
            return _figures(sink, Path(folder), messages, rounds)
    finally:
        os.sched_setaffinity(0, before)


def _figures(sink: Sink, folder: Path, messages: int, rounds: int) -> list[Figure]:
    key = ec.generate_private_key(ec.SECP256R1())
    key_file = folder / "vapid.pem"
    key_file.write_bytes(key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()))
    signer = VapidSigner(key, CONTACT)
    receivers = devices(messages)
    found: list[Figure] = []
    for size in SIZES:
        message = os.urandom(size)
        curves, loops, sendings = [], [], []
        for _ in range(rounds):
            curves.append(curve_alone())
            loops.append(readme_loop(sink, key_file, receivers[: README_MESSAGES // rounds], message))
            sendings.append(sending(sink, signer, receivers, message))
        rate = median([each.per_second for each in sendings])
        sink_share = max(each.sink_share for each in sendings)
        if sink_share > BUSY:
            raise SinkTooSlow(f"the sink used {sink_share:.0%} of its core")
        # openssl counts processor time: beside it, what ours would be with its core to itself all the time
        alone = median([each.per_second / each.sender_share for each in sendings])
        found += [
            Figure.against(f"sender, {size} B, against pywebpush's README loop", rate, "messages/s", median(loops)),
            Figure.against(f"sender, {size} B, against openssl speed ecdhp256", rate, "messages/s", median(curves)),
            Figure.against(f"sender, {size} B, a second of its processor's time", alone, "messages/s", median(curves)),
            Figure(f"sender, {size} B, share of its core", median([each.sender_share for each in sendings]), "cores"),
            Figure(f"sender, {size} B, share of its core the sink used", sink_share, "cores"),
        ]
        found.append(_encryption(receivers[:2000], message, size))
    return found


def _encryption(receivers: Sequence[Device], message: bytes, size: int) -> Figure:
    infos = {device: {"endpoint": "https://localhost/", "keys": device.as_json} for device in receivers}
    theirs = each_second(lambda device: WebPusher(infos[device]).encode(message), receivers)
    ours = each_second(lambda device: encrypt(message, device.p256dh, device.auth), receivers)
    return Figure.against(f"encryption alone, {size} B, against WebPusher.encode", ours, "messages/s", theirs)


if __name__ == "__main__":
    for figure in figures():
        print(figure, flush=True)
