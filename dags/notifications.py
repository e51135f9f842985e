"""Tells people what a task that went red, or a round that is late, needs: over Airflow connections, one sentence each.

WORLDWIRE_NOTIFY names connections, parted by commas. The connection's type decides how:

    http, https     POST of JSON to its address (host, port, `endpoint` in the extra; a password is sent as a bearer
                    token). `text` holds the sentence, which is what the incoming webhooks of Slack, Mattermost, Teams
                    and Google Chat show; dag_id, task_id, run_id and url are beside it
    smtp            e-mail, by Airflow's SmtpNotifier; `to_email` and `from_email` in the extra
    slackwebhook    Airflow's SlackWebhookNotifier; needs apache-airflow-providers-slack

A connection that fails is logged and costs the others nothing. Nothing heavy is imported here: every DAG imports this.
"""

import logging
import os
from collections.abc import Mapping, Sequence
from importlib import import_module
from typing import Any

from airflow.sdk import BaseNotifier, Connection
from airflow.sdk.exceptions import AirflowException

logger = logging.getLogger("worldwire.notify")

SECONDS = 10.0
_MOST_CHARS = 2_000


class Alert(BaseNotifier):
    """Airflow's notifier for our DAGs: `on_failure_callback` of tasks, and the callback of deadlines.

    `sentence`: what to say; without one it is what the failed task said.
    """

    template_fields: Sequence[str] = ()

    def __init__(self, sentence: str = "") -> None:
        super().__init__()
        self.sentence = sentence

    def notify(self, context: Any) -> None:
        message = message_of(context, self.sentence)
        for connection_id in connection_ids():
            try:
                send(connection_id, message, context)
            except (AirflowException, OSError, ValueError, ImportError) as error:
                logger.warning("%s was not told: %s", connection_id, " ".join(str(error).split()))


def connection_ids() -> list[str]:
    """The connections that are told."""
    return [name.strip() for name in os.environ.get("WORLDWIRE_NOTIFY", "").split(",") if name.strip()]


def message_of(context: Mapping[str, Any], sentence: str) -> dict[str, str]:
    """What is sent; the context is a failed task's, or the smaller one of a missed deadline."""
    run = context.get("dag_run")
    fields: Mapping[str, Any] = run if isinstance(run, Mapping) else {}
    task = context.get("task_instance")
    dag_id = str(fields.get("dag_id") or getattr(run, "dag_id", ""))
    task_id = str(getattr(task, "task_id", ""))
    said = sentence or " ".join(str(context.get("exception") or "It failed; its log says why.").split())
    where = f"{dag_id}.{task_id}" if task_id else dag_id
    run_id = str(fields.get("dag_run_id") or fields.get("run_id") or getattr(run, "run_id", ""))
    return {
        "text": f"{where}: {said}"[:_MOST_CHARS],
        "dag_id": dag_id,
        "task_id": task_id,
        "run_id": run_id,
        "url": str(getattr(task, "log_url", "") or ""),
    }


def send(connection_id: str, message: Mapping[str, str], context: Any) -> None:
    """Tells one connection. Raises what its way of sending raises."""
    connection = Connection.get(connection_id)
    kind = str(connection.conn_type)
    if kind in ("http", "https"):
        _post(connection, message)
    elif kind == "smtp":
        extra = connection.extra_dejson
        notifier = import_module("airflow.providers.smtp.notifications.smtp").SmtpNotifier(
            smtp_conn_id=connection_id,
            to=extra.get("to_email"),
            from_email=extra.get("from_email"),
            subject=f"worldwire: {message['text'][:120]}",
            html_content=_as_html(message),
        )
        notifier.notify(context)
    elif kind == "slackwebhook":
        slack = import_module("airflow.providers.slack.notifications.slack_webhook")
        slack.SlackWebhookNotifier(slack_webhook_conn_id=connection_id, text=message["text"]).notify(context)
    else:
        raise ValueError(f"its type is {kind!r}; http, smtp and slackwebhook are known.")


def _post(connection: Any, message: Mapping[str, str]) -> None:
    import httpx

    host = str(connection.host or "")
    scheme = connection.schema if connection.schema in ("http", "https") else connection.conn_type
    address = host if "://" in host else f"{scheme}://{host}"
    if connection.port:
        address = f"{address}:{connection.port}"
    address += str(connection.extra_dejson.get("endpoint") or "")
    if not address.startswith(("http://", "https://")):
        raise ValueError("its host is no HTTP address.")
    headers = {"Authorization": f"Bearer {connection.password}"} if connection.password else {}
    try:
        answer = httpx.post(address, json=dict(message), headers=headers, timeout=SECONDS, follow_redirects=False)
    except httpx.HTTPError as cause:  # its text may hold the address, and with it a secret
        raise ValueError(f"it could not be reached ({type(cause).__name__}).") from cause
    if answer.status_code >= 300:
        raise ValueError(f"it answered HTTP {answer.status_code}.")


def _as_html(message: Mapping[str, str]) -> str:
    from html import escape

    return "<br>".join(escape(message[name]) for name in ("text", "run_id", "url") if message[name])
