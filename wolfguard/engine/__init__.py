# SPDX-License-Identifier: GPL-3.0-or-later
"""The Python face of the data plane: one `Plane` a worker, typed settings in, typed events out.

The C side (`native/`) owns every TLS object, every packet and its own threads; Python decides what a connection may
become. Knows nothing of configuration, policy or protocol. `Engine` and the `EVENT_*` numbers are the untyped layer
below, for those who bring types of their own.
"""

from wolfguard._native import (
    EVENT_CLOSED,
    EVENT_DATA,
    EVENT_OPENED,
    EVENT_REFUSED,
    EVENT_TUNNEL_CLOSED,
    EVENT_TUNNEL_DATAGRAM,
    EVENT_TUNNEL_REKEYED,
    EVENT_TUNNEL_TIMER,
    Engine,
)
from wolfguard.engine.events import (
    Closed,
    Data,
    Event,
    Opened,
    Refused,
    TunnelClosed,
    TunnelDatagram,
    TunnelRekeyed,
    TunnelTimer,
    typed,
)
from wolfguard.engine.plane import Plane
from wolfguard.engine.settings import Datagram, Limits, Rates, TlsCertificate, TlsSite, Tunnel

__all__ = [
    "EVENT_CLOSED",
    "EVENT_DATA",
    "EVENT_OPENED",
    "EVENT_REFUSED",
    "EVENT_TUNNEL_CLOSED",
    "EVENT_TUNNEL_DATAGRAM",
    "EVENT_TUNNEL_REKEYED",
    "EVENT_TUNNEL_TIMER",
    "Closed",
    "Data",
    "Datagram",
    "Engine",
    "Event",
    "Limits",
    "Opened",
    "Plane",
    "Rates",
    "Refused",
    "TlsCertificate",
    "TlsSite",
    "Tunnel",
    "TunnelClosed",
    "TunnelDatagram",
    "TunnelRekeyed",
    "TunnelTimer",
    "typed",
]
