"""Responses and errors in the wire format of each service."""

import json
import uuid
from xml.sax.saxutils import escape

from aiohttp import web

from adapters.sandbox.errors import ApiError
from adapters.sandbox.wire import Json, Reply

_JSON_TYPE = {"monitoring": "application/x-amz-json-1.0", "application-autoscaling": "application/x-amz-json-1.1",
              "dynamodb": "application/x-amz-json-1.0"}


def rendered(service: str, operation: str, reply: Reply) -> web.Response:
    """Return a successful response."""
    headers = {"x-amzn-RequestId": str(uuid.uuid4())} | dict(reply.headers)
    if reply.body is None:
        return web.Response(status=reply.status, headers=headers)
    if isinstance(reply.body, bytes):
        return web.Response(status=reply.status, headers=headers, body=reply.body, content_type="application/json")
    if service == "sts":
        xml = (f'<{operation}Response xmlns="https://sts.amazonaws.com/doc/2011-06-15/"><{operation}Result>{_members(reply.body)}'
               f"</{operation}Result><ResponseMetadata><RequestId>sandbox</RequestId></ResponseMetadata></{operation}Response>")
        return web.Response(status=reply.status, headers=headers, text=xml, content_type="text/xml")
    content = json.dumps(reply.body, separators=(",", ":")).encode()
    return web.Response(
        status=reply.status, headers=headers, body=content, content_type=_JSON_TYPE.get(service, "application/json")
    )


def _members(body: Json) -> str:
    """Return the members as XML elements; nested structures as nested elements."""
    texts = {name: _members(value) if isinstance(value, dict) else escape(str(value)) for name, value in body.items()}
    return "".join(f"<{name}>{text}</{name}>" for name, text in texts.items())


def rendered_error(service: str, error: ApiError) -> web.Response:
    """Return an error response: REST JSON for Lambda (code in a header), XML for STS, JSON with `__type` for the others."""
    request = str(uuid.uuid4())
    headers = {"x-amzn-RequestId": request} | error.headers
    if service == "sts":
        xml = (
            '<ErrorResponse xmlns="https://sts.amazonaws.com/doc/2011-06-15/"><Error><Type>Sender</Type>'
            f"<Code>{escape(error.code)}</Code><Message>{escape(error.message)}</Message></Error>"
            f"<RequestId>{request}</RequestId></ErrorResponse>"
        )
        return web.Response(status=error.status, headers=headers, text=xml, content_type="text/xml")
    if service == "lambda":
        body = {"message": error.message} | error.fields
        headers["x-amzn-ErrorType"] = error.code
    else:
        body = {"__type": error.code, "message": error.message} | error.fields
    if service == "monitoring":
        headers["x-amzn-query-error"] = f"{error.code};{'Receiver' if error.status >= 500 else 'Sender'}"
    content_type = _JSON_TYPE.get(service, "application/json")
    return web.Response(status=error.status, headers=headers, body=json.dumps(body).encode(), content_type=content_type)
