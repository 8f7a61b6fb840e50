"""Activities: the trade behind a code of the French classification NAF rev. 2 (INSEE, decree no. 2007-1888).

Only what receives the public is here; a code that is absent is no shop for us. Codes of a trade that the law keeps out
are here too, so that they are refused for that reason. One code may hold several trades: it goes to the most usual.
"""

from collections.abc import Mapping
from typing import Final

from citylife.categories import BY_KEY, Category

_ACTIVITIES: Final[Mapping[str, tuple[str, ...]]] = {
    "bakery": ("10.71B", "10.71C", "10.71D", "47.24Z"),
    "butcher": ("10.13B", "47.22Z", "47.23Z"),
    "greengrocer": ("47.21Z", "47.29Z"),
    "grocery": ("47.11A", "47.11B", "47.11C", "47.11D", "47.11E", "47.11F", "47.19A", "47.19B"),
    "wine": ("11.05Z", "47.25Z", "56.30Z"),
    "restaurant": ("56.10A", "56.10B", "56.10C"),
    "cafe": ("10.52Z",),
    "florist": ("47.76Z",),
    "fashion": ("47.71Z", "47.72A", "47.72B", "47.77Z"),
    "beauty": ("47.75Z", "96.02A", "96.02B"),
    "books": ("47.61Z", "47.62Z", "47.63Z"),
    "toys": ("47.65Z", "47.51Z"),
    "sport": ("47.64Z", "93.13Z"),
    "home": ("47.53Z", "47.54Z", "47.59A", "47.59B", "47.43Z"),
    "hardware": ("43.21A", "43.22A", "43.22B", "43.32A", "43.32B", "43.34Z", "47.52A", "47.52B", "95.23Z", "95.29Z"),
    "repair": (
        "45.20A",
        "45.20B",
        "47.41Z",
        "47.42Z",
        "95.11Z",
        "95.12Z",
        "95.21Z",
        "95.22Z",
        "95.24Z",
        "95.25Z",
    ),
    "second-hand": ("47.79Z",),
    "optician": ("47.78A",),
    "medical": ("47.74Z", "96.04Z"),
    "pharmacy": ("47.73Z",),
    "library": ("91.01Z",),
    "culture": ("59.14Z", "90.04Z", "91.02Z"),
    "pool": ("93.11Z",),
    "market": ("47.81Z", "47.82Z", "47.89Z"),
    "association": ("94.99Z", "93.12Z"),
    "services": ("79.11Z", "79.12Z", "82.19Z", "74.20Z", "96.01B"),
    "tobacco": ("47.26Z",),
    "adult": ("92.00Z",),
}
BY_CODE: Final[Mapping[str, Category]] = {
    code.replace(".", ""): BY_KEY[key] for key, codes in _ACTIVITIES.items() for code in codes
}


def activity_of(code: str) -> Category | None:
    """The category of a NAF rev. 2 code, with its dot or without; None when it receives no public we know."""
    return BY_CODE.get(code.replace(".", "").strip().upper())
