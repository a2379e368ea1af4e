from __future__ import annotations

import json
import socket
import time
from email import message_from_string

import pytest

from migraine_platform.operations.notify import Message, NoticeChannels, tell
from migraine_platform_tests.operations.receivers import mail_server, webhook

MESSAGE = Message("Migraine platform: platform failed", "- twins: P0042 has no twin\nThe health page: data/reports")


def told(channels: NoticeChannels, timeout: float = 5) -> tuple[list[str], list[str]]:
    """Who took the message, and what was logged."""
    lines: list[str] = []
    return tell(MESSAGE, channels, timeout, lines.append), lines


def test_without_recipients_no_notice_is_sent() -> None:
    assert told(NoticeChannels.of({"MIGRAINE_WEBHOOK_URL": "  "})) == ([], [])


def test_a_webhook_gets_the_text_without_patients() -> None:
    with webhook() as server:
        assert told(NoticeChannels.of({"MIGRAINE_WEBHOOK_URL": server.url})) == (["webhook"], [])
    ((path, body),) = server.posts
    assert path == "/hook/secret-token"
    text = json.loads(body)["text"]
    assert text.splitlines()[:2] == ["Migraine platform: platform failed", "- twins: P… has no twin"]


def test_a_mail_is_sent_to_everybody() -> None:
    environment = {"MIGRAINE_MAIL_TO": "a@example.org, b@example.org", "MIGRAINE_MAIL_FROM": "twin@example.org"}
    with mail_server() as server:
        url = f"smtp://127.0.0.1:{server.server_address[1]}"
        assert told(NoticeChannels.of({**environment, "MIGRAINE_SMTP_URL": url})) == (["mail"], [])
    (content,) = server.mails
    mail = message_from_string(content)
    assert mail["Subject"] == "Migraine platform: platform failed"
    assert mail["From"] == "twin@example.org"
    assert "P0042" not in content
    assert [command for command in server.commands if command.lower().startswith("rcpt")] == [
        "rcpt TO:<a@example.org>",
        "rcpt TO:<b@example.org>",
    ]


def test_no_password_goes_over_an_open_line() -> None:
    with mail_server() as server:
        url = f"smtp://someone:s3cret@127.0.0.1:{server.server_address[1]}"
        names, lines = told(NoticeChannels(smtp_url=url, mail_to="a@example.org"))
    assert names == []
    assert "no password was sent" in lines[0]
    assert not any("AUTH" in command.upper() for command in server.commands)


@pytest.mark.parametrize(
    ("status", "headers", "said"),
    [(500, {}, "HTTPError (500)"), (404, {}, "HTTPError (404)"), (302, {"Location": "http://127.0.0.1:1/"}, "(302)")],
)
def test_a_webhook_that_refuses_is_logged_without_its_secret(status, headers, said) -> None:
    with webhook(status, **headers) as server:
        names, lines = told(NoticeChannels(webhook_url=server.url))
    assert names == []
    assert said in lines[0]
    assert "secret" not in lines[0]


def test_a_webhook_that_is_down_does_not_keep_the_mail_back() -> None:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        url = f"http://127.0.0.1:{free.getsockname()[1]}/secret"
    with mail_server() as server:
        smtp = f"smtp://127.0.0.1:{server.server_address[1]}"
        names, lines = told(NoticeChannels(webhook_url=url, smtp_url=smtp, mail_to="a@example.org"))
    assert names == ["mail"]
    assert lines == ["the webhook could not be told: ConnectionRefusedError (Connection refused)"]


def test_a_webhook_that_never_answers_costs_its_timeout() -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        started = time.monotonic()
        names, lines = told(
            NoticeChannels(webhook_url=f"http://127.0.0.1:{silent.getsockname()[1]}/secret"), timeout=0.3
        )
    assert names == []
    assert "TimeoutError" in lines[0]
    assert time.monotonic() - started < 5


@pytest.mark.parametrize(
    "channels",
    [
        NoticeChannels(webhook_url="htp://user:s3cret@example.org"),
        NoticeChannels(webhook_url="file:///etc/s3cret"),
        NoticeChannels(webhook_url="http://s3cret example.org/"),
        NoticeChannels(webhook_url="http://[s3cret"),
        NoticeChannels(smtp_url="smtps://s3cret@:465", mail_to="a@example.org"),
        NoticeChannels(smtp_url="smtp://u:s3cret@127.0.0.1:nonsense", mail_to="a@example.org"),
        NoticeChannels(smtp_url="smtp://127.0.0.1:1/s3cret"),
        NoticeChannels(mail_to="s3cret@example.org"),
    ],
)
def test_a_wrong_address_is_logged_without_its_secret(channels: NoticeChannels) -> None:
    names, lines = told(channels, timeout=1)
    assert names == []
    assert len(lines) == 1
    assert "s3cret" not in lines[0] + repr(channels)
