# SPDX-License-Identifier: GPL-3.0-or-later
"""A light client that logs in many times at once; run inside the client's namespace, prints one JSON object.

Speaks just enough of the protocol (init, auth-reply, CONNECT) over Python's ssl, each login from a source address of
its own, as that many users would. Meanwhile one session may reconnect with its cookie again and again.
"""

from __future__ import annotations

import argparse
import asyncio
import ipaddress
import json
import re
import ssl
import time

INIT = (
    '<?xml version="1.0" encoding="UTF-8"?><config-auth client="vpn" type="init" aggregate-auth-version="2">'
    '<version who="vpn">v9.21</version><device-id>linux-64</device-id>{group}'
    "<group-access>https://{host}</group-access></config-auth>"
)
REPLY = (
    '<?xml version="1.0" encoding="UTF-8"?><config-auth client="vpn" type="auth-reply" aggregate-auth-version="2">'
    '<version who="vpn">v9.21</version><device-id>linux-64</device-id>{opaque}'
    "<auth><username>{user}</username><password>{password}</password></auth></config-auth>"
)


class Login:
    """One TLS connection to the gateway."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, host: str) -> None:
        self.reader, self.writer, self.host = reader, writer, host

    @classmethod
    async def open(cls, host: str, source: str, context: ssl.SSLContext) -> Login:
        reader, writer = await asyncio.open_connection(
            host, 443, ssl=context, local_addr=(source, 0), server_hostname=host
        )
        return cls(reader, writer, host)

    async def post(self, path: str, body: str) -> tuple[str, str]:
        """One request; returns (headers, body) of a 200. Raises ConnectionError otherwise."""
        data = body.encode()
        self.writer.write(
            f"POST {path} HTTP/1.1\r\nHost: {self.host}\r\n"
            f"User-Agent: AnyConnect-compatible OpenConnect VPN Agent v9.21\r\n"
            f"X-Transcend-Version: 1\r\nX-Aggregate-Auth: 1\r\nContent-Type: application/xml; charset=utf-8\r\n"
            f"Content-Length: {len(data)}\r\n\r\n".encode()
            + data
        )
        head = (await self.reader.readuntil(b"\r\n\r\n")).decode()
        if not head.startswith("HTTP/1.1 200"):
            raise ConnectionError(head.splitlines()[0])
        length = re.search(r"(?i)content-length: (\d+)", head)
        return head, (await self.reader.readexactly(int(length.group(1)) if length else 0)).decode()

    async def authenticate(self, user: str, password: str) -> str:
        """Returns the session's cookie."""
        _, page = await self.post("/", INIT.format(host=self.host, group=""))
        opaque = re.search(r"<opaque.*?</opaque>", page, re.DOTALL)
        action = re.search(r'<form[^>]*action="([^"]+)"', page)
        reply = REPLY.format(opaque=opaque.group(0) if opaque else "", user=user, password=password)
        head, page = await self.post(action.group(1) if action else "/", reply)
        cookie = re.search(r"(?i)set-cookie: webvpn=([^;\s]+)", head)
        if cookie is None:
            raise ConnectionError(f"no cookie: {page[:300]}")
        return cookie.group(1)

    async def tunnel(self, cookie: str) -> None:
        self.writer.write(
            f"CONNECT /CSCOSSLC/tunnel HTTP/1.1\r\nHost: {self.host}\r\nCookie: webvpn={cookie}\r\n"
            f"X-CSTP-Version: 1\r\nX-CSTP-Hostname: bench\r\nX-CSTP-Base-MTU: 1500\r\nX-CSTP-MTU: 1400\r\n"
            f"X-CSTP-Address-Type: IPv6,IPv4\r\nX-CSTP-Full-IPv6-Capability: true\r\n\r\n".encode()
        )
        head = await self.reader.readuntil(b"\r\n\r\n")
        if not head.startswith(b"HTTP/1.1 200"):
            raise ConnectionError(head.split(b"\r\n")[0].decode())

    def close(self) -> None:
        self.writer.transport.abort()


async def log_in(options: argparse.Namespace, number: int, context: ssl.SSLContext) -> Login:
    source = str(ipaddress.ip_address(options.source) + number)
    login = await Login.open(options.host, source, context)
    cookie = await login.authenticate(f"{options.user}{number % options.users}", options.password)
    await login.tunnel(cookie)
    return login


async def reconnects(options: argparse.Namespace, context: ssl.SSLContext, done: asyncio.Event) -> list[float]:
    """Seconds that each cookie reconnect took, from the TCP connection to the CONNECT response."""
    source = str(ipaddress.ip_address(options.source) - 1)
    login = await Login.open(options.host, source, context)
    cookie = await login.authenticate(f"{options.user}0", options.password)
    samples: list[float] = []
    while not done.is_set() or len(samples) < options.reconnects:
        begun = time.monotonic()
        again = await Login.open(options.host, source, context)
        await again.tunnel(cookie)
        samples.append(time.monotonic() - begun)
        login.close()
        login = again
        # stay below the gateway's limit of handshakes per second and source
        await asyncio.sleep(0.125)
    login.close()
    return samples


async def main(options: argparse.Namespace) -> dict[str, object]:
    context = ssl.create_default_context(cafile=options.cafile)
    done = asyncio.Event()
    again = asyncio.create_task(reconnects(options, context, done)) if options.reconnects else None
    await asyncio.sleep(1.0)
    begun = time.monotonic()
    tasks = [asyncio.create_task(log_in(options, number, context)) for number in range(options.count)]
    finished, waiting = await asyncio.wait(tasks, timeout=options.limit)
    seconds = time.monotonic() - begun
    for task in waiting:
        task.cancel()
    errors = [repr(task.exception()) for task in finished if task.exception()]
    done.set()
    samples = sorted(await again) if again else [0.0]
    for task in finished:
        if not task.exception():
            task.result().close()
    return {
        "ok": len(finished) - len(errors),
        "seconds": seconds,
        "unfinished": len(waiting),
        "errors": sorted(set(errors))[:5],
        "reconnect_p50": samples[len(samples) // 2],
        "reconnect_p99": samples[min(len(samples) - 1, int(len(samples) * 0.99))],
        "reconnects": len(samples),
    }


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--host", required=True)
    parser.add_argument("--cafile", required=True)
    parser.add_argument("--source", required=True, help="first source address; login n uses the n-th after it")
    parser.add_argument("--user", default="bench")
    parser.add_argument("--users", type=int, default=20)
    parser.add_argument("--password", required=True)
    parser.add_argument("--count", type=int, default=600)
    parser.add_argument("--reconnects", type=int, default=100, help="least number of them; 0 for none at all")
    parser.add_argument("--limit", type=float, default=60.0)
    print(json.dumps(asyncio.run(main(parser.parse_args()))))
