"""A short message to people: a webhook, a mail, or neither.

Where they are stands in the environment alone, because addresses of webhooks and mail servers hold secrets:

    MIGRAINE_WEBHOOK_URL   https://..., given {"text": ...} as Slack, Mattermost and most others take it
    MIGRAINE_SMTP_URL      smtps://user:password@host:465, or smtp://host:587
    MIGRAINE_MAIL_TO       addresses, separated by commas
    MIGRAINE_MAIL_FROM     the sender; by default the first of MIGRAINE_MAIL_TO

A channel that cannot be told is told of in the log, without its secrets; it never stops who wanted to tell.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING
from urllib.parse import SplitResult, unquote, urlsplit

from migraine_platform.errors import UserError
from migraine_platform.operations.masking import masked

if TYPE_CHECKING:
    import smtplib

Log = Callable[[str], None]


class ChannelError(UserError):
    """A channel that is configured wrongly; the message holds no secret."""


@dataclass(frozen=True)
class Message:
    """What is told: a subject of one line, and a text."""

    subject: str
    text: str


@dataclass(frozen=True)
class NoticeChannels:
    """Who is told. Not shown in representations: addresses hold secrets."""

    webhook_url: str = field(default="", repr=False)
    smtp_url: str = field(default="", repr=False)
    mail_to: str = field(default="", repr=False)
    mail_from: str = field(default="", repr=False)

    @classmethod
    def of(cls, environment: Mapping[str, str]) -> NoticeChannels:
        """The channels that an environment configures; what is unset or empty is not used."""
        names = {"webhook_url": "WEBHOOK_URL", "smtp_url": "SMTP_URL", "mail_to": "MAIL_TO", "mail_from": "MAIL_FROM"}
        return cls(**{name: environment.get(f"MIGRAINE_{variable}", "").strip() for name, variable in names.items()})


def tell(message: Message, channels: NoticeChannels, timeout: float, log: Log) -> list[str]:
    """Tell every configured channel, patients' identifiers masked; the names of those that took it.

    Args:
        timeout: seconds, for each answer.
        log: told one line for each channel that did not take it.
    """
    message = Message(masked(message.subject), masked(message.text))
    told = []
    for name, configured, send in (
        ("webhook", channels.webhook_url, _post),
        ("mail", channels.smtp_url or channels.mail_to, _mail),
    ):
        if not configured:
            continue
        try:
            send(message, channels, timeout)
            told.append(name)
        except Exception as error:  # whatever a network does, the caller goes on
            log(f"the {name} could not be told: {_plain(error)}")
    return told


def _post(message: Message, channels: NoticeChannels, timeout: float) -> None:
    """POST to the webhook. A redirection is an error: what was posted would be lost, or go elsewhere."""
    from urllib.request import HTTPRedirectHandler, Request, build_opener

    class Stay(HTTPRedirectHandler):
        """Follows nothing."""

        def redirect_request(self, *_arguments: object) -> None:
            """No request."""

    if urlsplit(channels.webhook_url).scheme not in ("http", "https"):
        raise ChannelError("MIGRAINE_WEBHOOK_URL is no http or https address")
    content = json.dumps({"text": f"{message.subject}\n{message.text}"}).encode()
    request = Request(channels.webhook_url, data=content, headers={"Content-Type": "application/json"}, method="POST")
    with build_opener(Stay).open(request, timeout=timeout) as answer:
        answer.read(1)


def _mail(message: Message, channels: NoticeChannels, timeout: float) -> None:
    """Send a mail; a password goes over an encrypted connection or not at all."""
    from email.message import EmailMessage

    address = urlsplit(channels.smtp_url)
    if address.scheme not in ("smtp", "smtps") or not address.hostname:
        raise ChannelError("MIGRAINE_SMTP_URL is no address as in smtps://user:password@host:465")
    if not channels.mail_to:
        raise ChannelError("MIGRAINE_MAIL_TO is not set")
    mail = EmailMessage()
    mail["Subject"] = message.subject
    mail["To"] = channels.mail_to
    mail["From"] = channels.mail_from or channels.mail_to.split(",")[0]
    mail.set_content(message.text)
    with _connected(address, timeout) as server:
        server.send_message(mail)


def _connected(address: SplitResult, timeout: float) -> smtplib.SMTP:
    import smtplib
    import ssl

    host, tls = address.hostname or "", ssl.create_default_context()
    if address.scheme == "smtps":
        server: smtplib.SMTP = smtplib.SMTP_SSL(host, address.port or 465, timeout=timeout, context=tls)
        encrypted = True
    else:
        server = smtplib.SMTP(host, address.port or 587, timeout=timeout)
        server.ehlo()
        encrypted = server.has_extn("starttls")
        if encrypted:
            server.starttls(context=tls)
    if address.username:
        if not encrypted:
            server.close()
            raise ChannelError("the mail server offers no encryption, so no password was sent; use smtps://")
        server.login(unquote(address.username), unquote(address.password or ""))
    return server


def _plain(error: Exception) -> str:
    """What went wrong, in words that cannot hold an address: errors of the standard library may quote it."""
    if isinstance(error, ChannelError):
        return str(error)
    code = getattr(error, "code", None) or getattr(error, "smtp_code", None)
    reason = getattr(error, "reason", None)
    cause = reason if isinstance(reason, OSError) else error
    details = code if isinstance(code, int) else getattr(cause, "strerror", None)
    return f"{type(cause).__name__}{f' ({details})' if details else ''}"
