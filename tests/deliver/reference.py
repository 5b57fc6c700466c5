"""The reference implementation of Standard Webhooks, asked at an instant of the tests' choosing.

It looks at the machine's clock to refuse what is older than five minutes. Tests have a clock of their own, and a slow
machine may come to them later than that.
"""

from __future__ import annotations

import datetime as dt
from typing import Any
from unittest import mock

import standardwebhooks


class Reference(standardwebhooks.Webhook):
    """Verifies as if it were a certain instant."""

    def __init__(self, secret: str, at: dt.datetime) -> None:
        super().__init__(secret)
        self._at = at

    def verify(self, data: bytes | str, headers: dict[str, str], *, json_parse: bool = True) -> Any:
        at = self._at

        class Then(dt.datetime):
            @classmethod
            def now(cls, tz: dt.tzinfo | None = None) -> Then:
                return cls.fromtimestamp(at.timestamp(), tz)

        with mock.patch("standardwebhooks.webhooks.datetime", Then):
            return super().verify(data, headers, json_parse=json_parse)
