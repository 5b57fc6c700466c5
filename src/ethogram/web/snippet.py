"""What browser clients ask their host for, so that a site moves here by changing that host alone.

Step of the path: before collect, in the browser. Reads nothing; names the files that the server hands out and builds
the settings documents: that of the standard Segment snippet, and that of RudderStack's client. The loader and its
bundles are the MIT-licensed npm package `@segment/analytics-next`, vendored by `tools/vendor_analytics.py`;
`static/vendor/analytics-next/manifest.json` holds version and checksums. It serves nothing and checks no key: that is
the server's.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from ethogram.errors import SettingError

STATIC = Path(__file__).parent / "static"
VENDOR = STATIC / "vendor" / "analytics-next"

SCRIPT_PATH = "/ethogram.js"
SCRIPT = STATIC / "ethogram.js"
MESSAGES = STATIC / "ethogram-messages.js"
WORKER = STATIC / "ethogram-push.js"

LOADER_PATH = "/analytics.js/v1/{write_key}/analytics.min.js"
LOADER = VENDOR / "analytics.min.js"
SETTINGS_PATH = "/v1/projects/{write_key}/settings"
RUDDER_PATH = "/sourceConfig"

FILES: dict[str, Path] = {
    SCRIPT_PATH: SCRIPT,
    "/ethogram-messages.js": MESSAGES,
    "/ethogram-push.js": WORKER,
    LOADER_PATH: LOADER,
    **{f"/analytics-next/bundles/{path.name}": path for path in sorted(VENDOR.glob("*.bundle.*.js"))},
}
"""Path → file. The bundles have their checksum in their name, so browsers may keep them for good; the others not."""


def settings(write_key: str, host: str) -> dict[str, Any]:
    """Returns the settings document that the loader asks for at `SETTINGS_PATH`.

    It names this server as the place to send to, no destination in the browser, and takes no sample of performance
    figures: without that the loader would send them to Segment.

    Args:
        write_key: the key in the path that was asked for.
        host: this server's address as the browser sees it: `https://events.example.com`, with a path if it has one.

    Raises:
        SettingError: the host is no http(s) address.
    """
    parts = urlsplit(host)
    if parts.scheme not in ("http", "https") or not parts.netloc:
        raise SettingError(
            f"the host `{host}` is no address that a browser can send to",
            hint="Give scheme and host, as in `https://events.example.com`.",
        )
    return {
        "integrations": {
            "Segment.io": {
                "apiKey": write_key,
                "apiHost": f"{parts.netloc}{parts.path.rstrip('/')}/v1",
                "protocol": parts.scheme,
                "unbundledIntegrations": [],
                "addBundledMetadata": True,
                "maybeBundledConfigIds": {},
                "versionSettings": {"version": "4.4.7", "componentTypes": ["browser"]},
            }
        },
        "plan": {},
        "metrics": {"sampleRate": 0},
        "remotePlugins": [],
    }


def rudder_settings(write_key: str) -> dict[str, Any]:
    """Returns the settings document that RudderStack's browser client asks for at `RUDDER_PATH`.

    It names no destination in the browser, and has the client report neither errors nor figures to its maker.
    """
    off = {"enabled": False}
    return {
        "source": {
            "id": write_key,
            "name": "web",
            "writeKey": write_key,
            "enabled": True,
            "workspaceId": "ethogram",
            "config": {"statsCollection": {"errors": off, "metrics": off}},
            "connections": [],
            "destinations": [],
            "dataplanes": {},
            "sourceDefinition": {"name": "Javascript"},
        },
        "updatedAt": "2026-01-01T00:00:00.000Z",
    }
