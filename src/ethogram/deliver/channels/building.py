"""Makes the channel of a provider's settings, with its secrets revealed.

Step of the path: deliver. Reads the environment where settings name a variable, and certificate files; connects
nowhere.
"""

from __future__ import annotations

import os
import ssl
from collections.abc import Mapping
from pathlib import Path
from typing import assert_never

from ethogram.clock import Clock
from ethogram.deliver.addresses import Rules
from ethogram.deliver.channels import fcm
from ethogram.deliver.channels.apns import ApnsSender
from ethogram.deliver.channels.calling import Caller
from ethogram.deliver.channels.chat import ChatChannel
from ethogram.deliver.channels.email import EmailChannel
from ethogram.deliver.channels.protocol import Channel
from ethogram.deliver.channels.push import PushChannel
from ethogram.deliver.channels.recording import RecordingChannel
from ethogram.deliver.channels.sms import TextChannel
from ethogram.deliver.channels.webhook import WebhookChannel
from ethogram.deliver.channels.webpush import WebPushChannel
from ethogram.errors import SettingError
from ethogram.model import message
from ethogram.model.provider import Apprise, Provider, Push, Recording, Smtp, Twilio, Webhook, WebPush


def build(provider: Provider, rules: Rules, clock: Clock, *, environment: Mapping[str, str] | None = None) -> Channel:
    """The channel of a provider; to be made within the event loop that uses it, and closed there.

    Args:
        rules: which addresses may be connected to beside public ones.
        environment: for secrets that are named only; None is the process's own.

    Raises:
        SettingError: a secret is missing or is none, a file cannot be read, or an extra is not installed.
    """
    known = os.environ if environment is None else environment
    try:
        return _built(provider, rules, clock, known)
    except ValueError as error:
        raise SettingError(f"the provider `{provider.name}` cannot be used: {error}") from None
    except OSError as error:
        raise SettingError(
            f"the provider `{provider.name}` cannot be used: `{error.filename}` cannot be read: {error.strerror}"
        ) from None


def _built(provider: Provider, rules: Rules, clock: Clock, known: Mapping[str, str]) -> Channel:
    settings, name = provider.settings, provider.channel.value

    def caller() -> Caller:
        return Caller(rules, timeout=provider.timeout, connections=provider.at_once)

    match settings:
        case Smtp():
            return EmailChannel(
                name,
                settings,
                password=settings.password.reveal(known) if settings.password is not None else None,
                rules=rules,
                clock=clock,
                timeout=provider.timeout,
                tls=_verifying(settings.ca_file) if settings.security != "none" else None,
            )
        case Twilio():
            whatsapp = provider.channel == message.Channel.WHATSAPP
            token = settings.token.reveal(known)
            return TextChannel(name, settings, whatsapp=whatsapp, token=token, caller=caller(), clock=clock)
        case Push():
            return _push(name, provider, settings, rules, clock, known)
        case WebPush():
            key = settings.private_key.reveal(known)
            return WebPushChannel(name, settings, private_key=key, caller=caller(), clock=clock)
        case Webhook():
            secrets = [secret.reveal(known) for secret in settings.secrets]
            return WebhookChannel(name, secrets=secrets, caller=caller(), clock=clock)
        case Apprise():
            urls = [secret.reveal(known) for secret in settings.urls]
            return ChatChannel(name, urls, seconds=provider.timeout.total_seconds())
        case Recording():
            return RecordingChannel(name, clock, Path(settings.path) if settings.path is not None else None)
        case _:
            assert_never(settings)


def _push(
    name: str, provider: Provider, settings: Push, rules: Rules, clock: Clock, known: Mapping[str, str]
) -> PushChannel:
    caller, google, apple = None, None, None
    if settings.fcm is not None:
        account = fcm.account(settings.fcm.account.reveal(known))
        caller = Caller(rules, timeout=provider.timeout, connections=provider.at_once)
        google = fcm.FcmSender(account, settings.fcm.url, caller=caller, clock=clock)
    if settings.apns is not None:
        apple = ApnsSender(
            settings.apns,
            key=settings.apns.key.reveal(known),
            rules=rules,
            clock=clock,
            timeout=provider.timeout,
            tls=_verifying(settings.apns.ca_file),
        )
    return PushChannel(name, fcm=google, apns=apple, caller=caller)


def _verifying(ca_file: str | None) -> ssl.SSLContext:
    """What verifies certificates and the names in them; there is no way to switch that off."""
    context = ssl.create_default_context()
    if ca_file is not None:
        try:
            context.load_verify_locations(cafile=ca_file)
        except ssl.SSLError:
            raise ValueError(f"`{ca_file}` has no certificates in PEM") from None
        except OSError as error:
            raise OSError(error.errno, error.strerror, ca_file) from None
    return context
