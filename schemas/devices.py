"""Devices: a browser's push subscription, as `PushSubscription.toJSON()` gives it."""

from schemas.fields import Identity, Moment, Part, Resource, Said, Text, Whole

LONGEST_ENDPOINT = 2048
LONGEST_KEY = 200
LAST_MILLISECOND = 253_402_300_799_000
"""The end of the year 9999."""


class KeysSchema(Resource):
    """The browser's public key and secret, base64url."""

    p256dh = Text(required=True, longest=LONGEST_KEY)
    auth = Text(required=True, longest=LONGEST_KEY)


class NewDeviceSchema(Resource):
    """A subscription to register."""

    endpoint = Text(required=True, longest=LONGEST_ENDPOINT)
    keys = Part(KeysSchema, required=True)
    expiration_time = Whole(
        data_key="expirationTime",
        load_default=None,
        allow_none=True,
        least=0,
        most=LAST_MILLISECOND,
        metadata={"description": "Milliseconds since 1970, or null"},
    )
    application_server_key = Text(
        data_key="applicationServerKey",
        load_default=None,
        allow_none=True,
        longest=LONGEST_KEY,
        metadata={"description": "The key it was subscribed with, base64url; the one of `/push/key` when absent"},
    )
    replaces = Identity(
        load_default=None,
        allow_none=True,
        metadata={"description": "A device of yours whose place it takes: the same browser, subscribed again"},
    )


class DeviceSchema(Resource):
    """A registered device. Its endpoint is not said again: whoever holds it can write to it."""

    id = Identity()
    push_service = Said(metadata={"description": "The host of its push service"})
    registered_at = Moment()
    expires_at = Moment(allow_none=True)


class PushKeySchema(Resource):
    """The public half of the key that signs the pushes of this instance."""

    key = Said(metadata={"description": "65 bytes, an uncompressed point on P-256, base64url"})
