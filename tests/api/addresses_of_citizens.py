"""The addresses of citizens. Lines of the matrix."""

from typing import Final

from tests.api.doors import CITIZENS, HERS, PUBLISHED, Line

CONSENT: Final = {"purpose": "notifications", "granted": True, "text_version": "2026-11", "locale": "fr"}
SUBSCRIPTION: Final = {
    "endpoint": "https://updates.push.services.mozilla.com/wpush/v2/of-the-matrix",
    "keys": {
        "p256dh": "BCVxsr7N_eNgVRqvHtD0zTZsEc6-VV-JvLexhqUzORcxaOzi6-AYWXvTBHm4bjyPjs7Vd8pZGH6SRpkNtoIAiw4",
        "auth": "BTBZMqHH6r4Tts7J_aSIgg",
    },
}
OF_CITIZENS: Final = (
    Line("GET /api/v1/me", CITIZENS),
    Line("PATCH /api/v1/me", CITIZENS, json={"locale": "en"}),
    Line("DELETE /api/v1/me", CITIZENS),
    Line("GET /api/v1/me/consents", CITIZENS),
    Line("POST /api/v1/me/consents", CITIZENS, 201, json=CONSENT),
    Line("GET /api/v1/me/deliveries", CITIZENS),
    Line("GET /api/v1/me/devices", CITIZENS),
    Line("POST /api/v1/me/devices", CITIZENS, 201, json=SUBSCRIPTION),
    Line("DELETE /api/v1/me/devices/<uuid:device_id>", CITIZENS, 204, HERS),
    Line("GET /api/v1/me/email-digest", CITIZENS),
    Line("PUT /api/v1/me/email-digest", CITIZENS, json={"email": "marie@courrier.example"}),
    Line("DELETE /api/v1/me/email-digest", CITIZENS, 204),
    Line("GET /api/v1/me/export", CITIZENS),
    Line("GET /api/v1/me/feed", CITIZENS),
    Line("GET /api/v1/me/follows", CITIZENS),
    Line("PUT /api/v1/me/follows/<uuid:shop_id>", CITIZENS, 201, PUBLISHED, json={"level": "normal"}),
    Line("DELETE /api/v1/me/follows/<uuid:shop_id>", CITIZENS, 204),
    Line("POST /api/v1/me/offers/<uuid:offer_id>/opened", CITIZENS, 204, PUBLISHED),
    Line("POST /api/v1/me/offers/<uuid:offer_id>/till-code", CITIZENS, 201, PUBLISHED),
    Line("GET /api/v1/me/places", CITIZENS),
    Line("POST /api/v1/me/places", CITIZENS, 201, json={"insee_code": "62119"}),
    Line("POST /api/v1/me/near-me-now", CITIZENS, json={"insee_code": "62119"}),
    Line("DELETE /api/v1/me/places/<uuid:place_id>", CITIZENS, 204, HERS),
    Line("GET /api/v1/me/rules", CITIZENS),
    Line("GET /api/v1/me/recovery", CITIZENS),
    Line("POST /api/v1/me/recovery", CITIZENS, 201),
    Line("DELETE /api/v1/me/recovery", CITIZENS, 204),
    Line("POST /api/v1/me/transfer", CITIZENS, 201),
)
