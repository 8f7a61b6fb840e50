"""Where the map gets its tiles: an address that a page may name in its policy, or none."""

import pytest

from citylife.settings import SettingRefused, Settings


@pytest.mark.parametrize(
    "address",
    [
        "tiles.example/{z}/{x}/{y}.png",
        "ftp://tiles.example/{z}/{x}/{y}.png",
        "https:///{z}/{x}/{y}.png",
        "https://tiles.example/{z}/{x}.png",
        "https://tiles.example; script-src */{z}/{x}/{y}.png",
        "https://one.example https://two.example/{z}/{x}/{y}.png",
        "https://{s}.tiles.example/{z}/{x}/{y}.png",
        "https://user:secret@tiles.example/{z}/{x}/{y}.png",
    ],
)
def test_what_would_not_do_in_a_page_s_policy_is_refused(address: str):
    with pytest.raises(SettingRefused, match="CITYLIFE_MAP_TILES"):
        Settings(map_tiles=address)


def test_an_empty_address_is_no_map_and_is_not_taken_for_the_default():
    assert Settings.read({"CITYLIFE_MAP_TILES": ""}, env_file=None).map_tiles == ""
    assert "{z}" in Settings.read({}, env_file=None).map_tiles
