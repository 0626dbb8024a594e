"""A mail server for tests/email.rs: `mail_server.py PORT CERTIFICATE KEY USER PASSWORD`.

Takes mail only encrypted (STARTTLS) and from one who logs in, refuses recipients whose name begins with "refused" for good and
those with "busy" for now, and prints each message that it took as a line of JSON.
"""

import json
import ssl
import sys
import threading
from email import message_from_bytes, policy

from aiosmtpd.controller import Controller
from aiosmtpd.smtp import AuthResult, LoginPassword


class Box:
    async def handle_RCPT(self, server, session, envelope, address, options):
        if address.startswith("refused"):
            return "550 5.1.1 no such mailbox"
        if address.startswith("busy"):
            return "451 4.7.1 try again later"
        envelope.rcpt_tos.append(address)
        return "250 OK"

    async def handle_DATA(self, server, session, envelope):
        message = message_from_bytes(envelope.content, policy=policy.default)
        told = {"to": envelope.rcpt_tos, "encrypted": session.ssl is not None, "text": message.get_content()}
        print(json.dumps(told | {name: message[name] for name in ("From", "Subject", "Message-ID")}), flush=True)
        return "250 OK"


def main(port: str, certificate: str, key: str, user: str, password: str):
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.load_cert_chain(certificate, key)

    def authenticate(server, session, envelope, mechanism, given):
        right = LoginPassword(user.encode(), password.encode())
        return AuthResult(success=given == right)

    Controller(
        Box(), "127.0.0.1", int(port), tls_context=context, require_starttls=True, auth_required=True,
        auth_require_tls=True, authenticator=authenticate,
    ).start()  # fmt: skip
    threading.Event().wait()


main(*sys.argv[1:])
