# SPDX-License-Identifier: GPL-3.0-or-later
"""`wolfguard demo`: a gateway, a real client and traffic on one machine, told in plain words.

Owns the story and its wording. Everything happens in three network namespaces and one temporary folder; at the end (or
on any failure) nothing of it is left, unless `--keep`.
"""

from __future__ import annotations

import json
import secrets
import shutil
import tempfile
import time
from pathlib import Path
from typing import Any

import click

from wolfguard.cli.demo import machine
from wolfguard.cli.demo.client import Client
from wolfguard.cli.demo.site import Gateway, Site
from wolfguard.cli.demo.traffic import iperf_server, ping, transfer
from wolfguard.config.site import DEFAULT_PROFILE
from wolfguard.errors import WolfguardError
from wolfguard.linux.namespace import Topology

USER = "alice"
SECONDS = 4
DATAGRAM_LIMIT = 5.0
"""Seconds for a client's DTLS to come up or be refused."""


@click.command(short_help="Start a gateway, connect a real client and tell what happened.")
@click.option(
    "--profile",
    default=DEFAULT_PROFILE,
    show_default=True,
    metavar="NAME",
    help="The site's crypto profile. Under compat the client of Debian has DTLS too.",
)
@click.option("--keep", is_flag=True, help="Leave the gateway running and print how to connect by hand.")
@click.option("--json", "as_json", is_flag=True, help="Print the figures as JSON at the end.")
def demo(profile: str, keep: bool, as_json: bool) -> None:
    """Start a gateway with embedded defaults, connect openconnect from another network namespace, move traffic both
    ways, and print what was seen. Needs root, openconnect and iperf3 (./bootstrap demo installs them)."""
    topology = Topology.named("wgdemo")
    folder = Path(tempfile.mkdtemp(prefix="wolfguard-demo-"))
    gateway = Gateway(Site(folder), topology.gateway)
    kept = False
    try:
        topology.delete()
        topology.add()
        figures = tell(topology, gateway, profile, quiet=as_json)
        if as_json:
            click.echo(json.dumps(figures, indent=2))
        kept = keep
        if keep:
            by_hand(topology, gateway.site)
            gateway.wait()
    except KeyboardInterrupt:
        click.echo("\nended")
    except WolfguardError as error:
        raise click.ClickException(str(error)) from error
    finally:
        gateway.stop()
        topology.delete()
        shutil.rmtree(folder, ignore_errors=True)
        if kept:
            click.echo("The gateway, its namespaces and its folder are removed.")


def tell(topology: Topology, gateway: Gateway, profile: str, quiet: bool) -> dict[str, Any]:
    """The story itself; returns its figures."""

    def say(text: str) -> None:
        if not quiet:
            click.echo(text)

    site = gateway.site
    password = secrets.token_urlsafe(12)
    say("Starting a gateway with its own small PKI, in a network namespace of its own")
    site.prepare()
    site.document["sites"][0]["crypto_profile"] = profile
    site.write()
    if "confinement" in site.document:
        say(machine.sentence(site.document["confinement"]["allow"]))
    started = gateway.start()
    topology.settle()
    added = site.wolfguard("user", "add", USER, "--password-stdin", stdin=password + "\n")
    if added.returncode != 0:
        raise WolfguardError(f"the user could not be added: {added.stderr.strip()}")
    status = json.loads(site.wolfguard("status", "--json").stdout)
    processes = status["processes"]
    say(f"  ready after {started:.1f} s: {len(processes)} processes, each with its own user and seccomp filter")
    (site.folder / "password").write_text(password + "\n")
    (site.folder / "password").chmod(0o600)

    say("Connecting openconnect from a second namespace, with a password")
    client = Client(topology.client, f"https://{Topology.GATEWAY_V4}", site.authority, USER, (password,), dtls=True)
    begun = time.monotonic()
    try:
        client.connect()
        login = time.monotonic() - begun
        session, refused = settled(site)
        tls, datagram = session["tls"], session["datagram"]
        say(f"  connected after {login:.2f} s: {tls['version']}, {tls['suite']}, group {tls['group']}")
        say(f"  packets go over {carrier(datagram, refused, profile)}")
        say(f"  inside addresses {session['ipv4']} and {session['ipv6']}")

        say("Moving traffic between the client and a host behind the gateway")
        round_trip = ping(topology.client, Topology.UPSTREAM_V4)
        round_trip6 = ping(topology.client, Topology.UPSTREAM_V6)
        with iperf_server(topology.upstream):
            up = transfer(topology.client, Topology.UPSTREAM_V4, seconds=SECONDS, down=False)
            down = transfer(topology.client, Topology.UPSTREAM_V4, seconds=SECONDS, down=True)
        say(f"  ping {round_trip:.2f} ms over IPv4, {round_trip6:.2f} ms over IPv6")
        rates = f"{up.gigabits:.2f} Gbit/s up and {down.gigabits:.2f} Gbit/s down"
        say(f"  {rates}, one TCP stream, all ends on this machine")
    finally:
        client.stop()
    verdict = status["fips"]
    say(f"FIPS verdict: {verdict['verdict']}. {verdict['meaning']}")
    say("The client has said goodbye.")
    return {
        "start_seconds": round(started, 3),
        "login_seconds": round(login, 3),
        "profile": profile,
        "tls": tls,
        "datagram": datagram,
        "ipv4": session["ipv4"],
        "ipv6": session["ipv6"],
        "ping_ms": round_trip,
        "ping6_ms": round_trip6,
        "up_gbit_s": round(up.gigabits, 3),
        "down_gbit_s": round(down.gigabits, 3),
        "fips": verdict,
    }


def settled(site: Site) -> tuple[dict[str, Any], bool]:
    """The one session, once it is known whether its client has DTLS, and whether that was refused."""
    end = time.monotonic() + DATAGRAM_LIMIT
    while True:
        session: dict[str, Any] = json.loads(site.wolfguard("sessions", "--json").stdout)["sessions"][0]
        refused = "datagram_no_ems" in site.wolfguard("events", "--json").stdout
        if session["datagram"] is not None or refused or time.monotonic() > end:
            return session, refused
        time.sleep(0.1)


def carrier(datagram: dict[str, Any] | None, refused: bool, profile: str) -> str:
    """What carries a session's packets, and why, in words."""
    if datagram is None and not refused:
        return "TLS: no datagram of this client has arrived"
    if datagram is None:
        reason = f"this client's DTLS offers no extended master secret, which {profile} asks for"
        return f"TLS: {reason} (--profile compat does not)"
    approval = "" if datagram["approved"] else ", which is not approved: no extended master secret"
    return f"{datagram['version']}, {datagram['suite']}{approval}"


def by_hand(topology: Topology, site: Site) -> None:
    """Prints what a person types to connect."""
    click.echo(
        f"""
The gateway keeps running until you press Ctrl-C. In another terminal:

  sudo ip netns exec {topology.client.name} openconnect --cafile {site.authority} \\
       --user {USER} --passwd-on-stdin https://{Topology.GATEWAY_V4} < {site.folder}/password
  sudo ip netns exec {topology.client.name} ping {Topology.UPSTREAM_V4}
  sudo wolfguard --socket {site.control} status
"""
    )
