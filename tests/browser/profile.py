"""A fresh Firefox profile in which push works on loopback, notifications are windows of its own, and nothing leaves."""

import json
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Final

ALLOW: Final = 1
DENY: Final = 2
DISCARD_PORT: Final = 9

QUIET: Final[Mapping[str, bool | int | str]] = {
    # A start without questions, first-run pages or background errands.
    "app.normandy.enabled": False,
    "app.update.disabledForTesting": True,
    "browser.aboutwelcome.enabled": False,
    "browser.backup.enabled": False,
    "browser.contentblocking.introCount": 99,
    "browser.discovery.enabled": False,
    "browser.ml.enable": False,
    "browser.newtabpage.activity-stream.asrouter.userprefs.cfr.features": False,
    "browser.newtabpage.enabled": False,
    "browser.pagethumbnails.capturing_disabled": True,
    "browser.region.update.enabled": False,
    "browser.safebrowsing.blockedURIs.enabled": False,
    "browser.safebrowsing.downloads.enabled": False,
    "browser.safebrowsing.malware.enabled": False,
    "browser.safebrowsing.phishing.enabled": False,
    "browser.search.update": False,
    "browser.sessionstore.resume_from_crash": False,
    "browser.shell.checkDefaultBrowser": False,
    "browser.startup.homepage": "about:blank",
    "browser.startup.homepage_override.mstone": "ignore",
    "browser.startup.page": 0,
    "browser.tabs.unloadOnLowMemory": False,
    "browser.tabs.warnOnClose": False,
    "browser.topsites.contile.enabled": False,
    "browser.translations.enable": False,
    "browser.urlbar.suggest.searches": False,
    "browser.warnOnQuit": False,
    "datareporting.healthreport.uploadEnabled": False,
    "datareporting.policy.dataSubmissionEnabled": False,
    "datareporting.policy.dataSubmissionPolicyBypassNotification": True,
    "datareporting.usage.uploadEnabled": False,
    "extensions.getAddons.cache.enabled": False,
    "extensions.systemAddon.update.enabled": False,
    "extensions.update.enabled": False,
    "identity.fxaccounts.enabled": False,
    "media.gmp-manager.updateEnabled": False,
    "network.captive-portal-service.enabled": False,
    "network.connectivity-service.enabled": False,
    "privacy.trackingprotection.enabled": False,
    "security.remote_settings.intermediates.enabled": False,
    "services.settings.server": "data:,#none/v1",
    "signon.rememberSignons": False,
    "startup.homepage_welcome_url": "about:blank",
    "termsofuse.bypassNotification": True,
    "toolkit.startup.max_resumed_crashes": -1,
    "toolkit.telemetry.server": "",
    # Background tabs keep their pace, scripts may take their time, and a click of the driver needs no age.
    "dom.disable_open_during_load": False,
    "dom.input_events.security.minNumTicks": 0,
    "dom.input_events.security.minTimeElapsedInMS": 0,
    "dom.ipc.processPriorityManager.enabled": False,
    "dom.ipc.reportProcessHangs": False,
    "dom.max_script_run_time": 0,
    "security.notification_enable_delay": 0,
    "widget.windows.window_occlusion_tracking.enabled": False,
}

DRIVEN: Final[Mapping[str, bool | int | str]] = {
    # Port 0: Firefox chooses one and writes it into the profile.
    "marionette.port": 0,
    # Left true, Marionette turns push off (dom.push.connection.enabled) as « recommended » for tests.
    "remote.prefs.recommended": False,
}

NOTIFIED: Final[Mapping[str, bool | int | str]] = {
    # Without a desktop bus the system's alerts throw; Firefox's own are windows that can be read and clicked.
    "alerts.useSystemBackend": False,
    # Firefox's alerts close by themselves at the end of an animation; with reduced motion it is after 20 seconds.
    "ui.prefersReducedMotion": 1,
    "dom.push.testing.allowInsecureServerURL": True,
    "dom.push.retryBaseInterval": 200,
    # With loopback as the only interface Firefox believes itself offline, and its push client never connects.
    "network.manage-offline-status": False,
}

NOWHERE: Final[Mapping[str, bool | int | str]] = {
    # Every host but this one is behind a proxy where nobody answers.
    "network.proxy.type": 1,
    "network.proxy.http": "127.0.0.1",
    "network.proxy.http_port": DISCARD_PORT,
    "network.proxy.ssl": "127.0.0.1",
    "network.proxy.ssl_port": DISCARD_PORT,
    "network.proxy.no_proxies_on": "localhost, 127.0.0.1",
    "network.dns.disablePrefetch": True,
    "network.http.speculative-parallel-limit": 0,
    "network.prefetch-next": False,
    "network.trr.mode": 5,
}


def write_profile(
    folder: Path, *, push_url: str, allowed: Iterable[str], denied: Iterable[str], languages: str
) -> None:
    """Write a profile whose push service is `push_url` and where these origins may, or may not, show notifications."""
    permissions = folder / "permissions.txt"
    lines = [
        f"origin\tdesktop-notification\t{answer}\t{origin}\n"
        for answer, origins in ((ALLOW, allowed), (DENY, denied))
        for origin in origins
    ]
    permissions.write_text("".join(lines), encoding="utf-8")
    preferences = {
        **QUIET,
        **DRIVEN,
        **NOTIFIED,
        **NOWHERE,
        "dom.push.serverURL": push_url,
        "intl.accept_languages": languages,
        "permissions.manager.defaultsUrl": permissions.as_uri(),
    }
    written = "".join(f"user_pref({json.dumps(name)}, {json.dumps(value)});\n" for name, value in preferences.items())
    (folder / "user.js").write_text(written, encoding="utf-8")
