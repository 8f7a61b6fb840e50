"""Devices: the browsers that may be pushed to, and the key they subscribe with."""

import datetime as dt
import uuid
from typing import Any, Final
from urllib.parse import urlsplit

from flask import Response

from blueprints import conditions, guards
from blueprints.api.contract import ApiBlueprint
from blueprints.api.lists import page
from blueprints.house import house, now
from blueprints.storage import db
from blueprints.transactions import transaction
from citylife import keyring
from citylife.devices import Device, PushKeyUnknown, devices_of, register_device, remove_device
from citylife.endpoints import EndpointRefused, check_endpoint, check_keys
from citylife.errors import Absent
from schemas.devices import DeviceSchema, NewDeviceSchema, PushKeySchema
from schemas.lists import page_of

blueprint: Final = ApiBlueprint("devices", "Browsers that may be pushed to")


def shown_device(device: Device) -> dict[str, Any]:
    """A device without its endpoint: whoever holds that can write to it."""
    return {
        "id": device.id,
        "push_service": urlsplit(device.endpoint).hostname,
        "registered_at": device.registered_at,
        "expires_at": device.expires_at,
    }


@blueprint.route("/push/key")
@blueprint.response(200, PushKeySchema)
def read_push_key() -> Response:
    """The key a browser subscribes with (VAPID, RFC 8292)."""
    body = conditions.json_bytes({"key": house().keys.vapid_public})
    return conditions.answer(body, cache=conditions.ASKED_AGAIN, vary="Accept-Encoding")


@blueprint.route("/me/devices")
@guards.citizen_required
@blueprint.response(200, page_of(DeviceSchema))
def list_devices() -> Response:
    """Your devices; ten at most, so always one page."""
    devices = devices_of(db.session(), guards.current_citizen().id)
    return page(DeviceSchema, [shown_device(device) for device in devices], None)


@blueprint.route("/me/devices", methods=("POST",))
@guards.citizen_required
@transaction(idempotent=True)
@blueprint.response(201, DeviceSchema)
@blueprint.also(200, DeviceSchema, "It was registered already, and is refreshed")
@blueprint.arguments(NewDeviceSchema)
def add_device(subscription: dict[str, Any]) -> Response:
    """Register this browser's push subscription, as `PushSubscription.toJSON()` gives it."""
    try:
        endpoint = check_endpoint(subscription["endpoint"], house().settings.push_hosts)
    except EndpointRefused as refusal:
        raise EndpointRefused(refusal.detail, pointer="/endpoint") from None
    keys = check_keys(subscription["keys"]["p256dh"], subscription["keys"]["auth"])
    milliseconds = subscription["expiration_time"]
    expires_at = None if milliseconds is None else dt.datetime.fromtimestamp(milliseconds / 1000, dt.UTC)
    citizen = guards.current_citizen()
    device, new = register_device(
        db.session(),
        citizen,
        endpoint,
        keys,
        expires_at=expires_at,
        push_key=_push_key(subscription["application_server_key"]),
        replaces=subscription["replaces"],
        now=now(),
    )
    body = conditions.json_bytes(DeviceSchema().dump(shown_device(device)))
    return conditions.answer(body, 201 if new else 200)


def _push_key(public: str | None) -> int:
    """The number of the key that a browser says it subscribed with; of the current one where it says nothing.

    Raises:
        PushKeyUnknown: it is none of ours, or no longer.
    """
    keys = house().keys
    asked = keys.vapid_public if public is None else public.rstrip("=")
    number = keyring.number_of(db.session(), keys, asked, now=now())
    if number is None:
        raise PushKeyUnknown(pointer="/applicationServerKey")
    return number


@blueprint.route("/me/devices/<uuid:device_id>", methods=("DELETE",))
@guards.citizen_required
@transaction()
@blueprint.response(204)
def forget_device(device_id: uuid.UUID) -> None:
    """Send nothing more to a device."""
    if not remove_device(db.session(), guards.current_citizen().id, device_id, now=now()):
        raise Absent
