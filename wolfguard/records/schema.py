# SPDX-License-Identifier: GPL-3.0-or-later
"""Every event of the audit trail, in one place: the reference page, the checks at run time and the sinks follow it.

A record answers who, what, when, where, with which outcome and why. Its own fields are declared here with their types;
anything undeclared is refused, and no declared type can carry bytes or a `Secret`.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

SUCCESS: Final = "success"
FAILURE: Final = "failure"

STRING: Final = "string"
INTEGER: Final = "integer"
BOOLEAN: Final = "boolean"


@dataclass(frozen=True, slots=True)
class Field:
    name: str
    kind: str
    meaning: str


@dataclass(frozen=True, slots=True)
class Event:
    """`severity` is that of a success; a failure is at least a warning. Names are area.what-happened."""

    name: str
    summary: str
    outcomes: tuple[str, ...]
    fields: tuple[Field, ...] = ()
    severity: str = "info"


# What every record has, in the order in which people read it.
COMMON: Final = (
    Field("sequence", INTEGER, "number of the record; grows by one, without gaps, also across restarts"),
    Field("time", STRING, "when, RFC 3339, UTC, milliseconds"),
    Field("event", STRING, "what: one of the names below"),
    Field("outcome", STRING, "success or failure"),
    Field("who", STRING, "the VPN user concerned, or the administrator as `name (uid, role)`; empty when unknown"),
    Field("where", STRING, "outside address of the client, `management` for administration, else the process"),
    Field("session", INTEGER, "number of the session concerned, 0 for none"),
    Field("reason", STRING, "why, as a stable label; empty when the event says it all"),
    Field("fields", STRING, "what is particular to the event, as an object with the members listed for it"),
    Field("previous", STRING, "hash of the record before (64 zeros for the first)"),
    Field("hash", STRING, "SHA-256, in hexadecimal, of this record without `hash`"),
)

_SITE = Field("site", STRING, "name of the site")
_GROUP = Field("group", STRING, "group of the session, empty for the site's default")
_AGENT = Field("user_agent", STRING, "what the client calls itself")
_METHOD = Field("method", STRING, "authentication method")
_COUNT = Field("count", INTEGER, "how many like this one it stands for")
_DETAIL = Field("detail", STRING, "more, for people")
_UNTIL = Field("until", STRING, "when it ends by itself, RFC 3339; `unlock` when an administrator must end it")
_USER = Field("user", STRING, "the account that was acted on")
_EMS = Field("extended_master_secret", BOOLEAN, "whether keys are derived with it (RFC 7627), or by TLS 1.3")
_REMARKS = Field("remarks", STRING, "what is not approved, else what no module's certificate covers; empty for neither")
_TLS = (
    Field("tls_version", STRING, "TLS version of the connection"),
    Field("tls_suite", STRING, "cipher suite (IANA name)"),
    Field("tls_group", STRING, "key exchange group (IANA name)"),
    Field("tls_signature", STRING, "signature scheme of the server (IANA name)"),
    _EMS,
    Field(
        "approved",
        BOOLEAN,
        "whether every algorithm is approved by the profile's sources; the module is another matter",
    ),
    _REMARKS,
)
_POLICY = "what of the session's policy is its group's or an authentication server's"
_BACKEND = Field("backend", STRING, "name of the backend")
_WAITING = Field("count", INTEGER, "how many events wait")
_ADDRESSES = (
    Field("ipv4", STRING, "inside IPv4 address, empty when none"),
    Field("ipv6", STRING, "inside IPv6 address, empty when none"),
)

EVENTS: Final = (
    Event(
        "login.succeeded",
        "A user proved who they are; a session exists from here on.",
        (SUCCESS,),
        (
            _SITE,
            _GROUP,
            _METHOD,
            _AGENT,
            *_TLS,
            Field("failures", INTEGER, "failed attempts on the account since its last login"),
            Field("policy", STRING, _POLICY),
        ),
    ),
    Event("login.failed", "A login was wrong: password, user, group.", (FAILURE,), (_SITE, _METHOD, _AGENT, _COUNT)),
    Event(
        "login.refused",
        "A login was not even tried: lockout, too many sessions, too many logins at once, or state that cannot be "
        "stored.",
        (FAILURE,),
        (_SITE, _AGENT, _COUNT),
    ),
    Event(
        "login.unavailable",
        "A login could not be decided, since its backend is away, slow, full or broken; nothing is counted.",
        (FAILURE,),
        (_SITE, _METHOD, _AGENT, _COUNT),
    ),
    Event(
        "login.session-lost",
        "A session that PAM modules had opened for a login has ended before its time, or was not closed in order: its "
        "helper crashed or took too long, or the process pam has ended. The gateway's session goes on if there is one.",
        (FAILURE,),
        (_METHOD, _COUNT),
    ),
    Event(
        "policy.refused",
        "A login was good, but what an authentication server says about the user cannot be put into force: an address "
        "that no pool has or that is in use, an access list that is not in the site file, a limit that is no number. "
        "login.refused follows.",
        (FAILURE,),
        (_SITE, _COUNT, _DETAIL),
    ),
    Event(
        "policy.ignored",
        "A part of what an authentication server says about a user was left out, since it cannot be used and restricts "
        "nothing: a route, a name server, a domain.",
        (FAILURE,),
        (_SITE, _COUNT, _DETAIL),
    ),
    Event("account.locked", "Too many failures: the account is refused for a while.", (FAILURE,), (_UNTIL,)),
    Event("address.locked", "Too many failures: the source address is refused for a while.", (FAILURE,), (_UNTIL,)),
    Event(
        "tunnel.opened",
        "A session got a tunnel (the first, or a reconnect).",
        (SUCCESS,),
        (
            _SITE,
            _GROUP,
            _AGENT,
            Field("hostname", STRING, "name that the client gives its machine"),
            *_ADDRESSES,
            *_TLS,
            Field("slot", INTEGER, "worker that carries it"),
            Field("epoch", INTEGER, "number of the tunnel; a higher one replaces a lower one"),
            Field("reconnect", BOOLEAN, "whether the session had a tunnel before"),
        ),
    ),
    Event(
        "tunnel.refused",
        "A CONNECT was refused: unknown or dead cookie, full pool, gateway busy.",
        (FAILURE,),
        (_SITE, _AGENT, _COUNT, _DETAIL),
    ),
    Event(
        "tunnel.closed",
        "A tunnel ended; the session waits for its client to come back.",
        (SUCCESS,),
        (Field("epoch", INTEGER, "number of the tunnel"), _DETAIL),
    ),
    Event(
        "tunnel.datagram",
        "A tunnel got DTLS beside its TLS, or the site's profile refused the DTLS that its client offers: then it goes "
        "on over TLS. Once for each tunnel and outcome; that DTLS pauses and comes back the same is not recorded.",
        (SUCCESS, FAILURE),
        (
            Field("epoch", INTEGER, "number of the tunnel"),
            Field("version", STRING, "DTLS version"),
            Field("suite", STRING, "cipher suite (IANA name), empty when none was settled"),
            _EMS,
            Field("approved", BOOLEAN, "whether what came up derives its keys in an approved way (FIPS 140-3 IG D.Q)"),
            _REMARKS,
        ),
    ),
    Event(
        "session.ended",
        "A session ended; its cookie is dead and its addresses rest.",
        (SUCCESS,),
        (
            _SITE,
            _GROUP,
            *_ADDRESSES,
            Field("seconds", INTEGER, "how long the session existed"),
            Field("received_bytes", INTEGER, "bytes of inner packets from the client"),
            Field("sent_bytes", INTEGER, "bytes of inner packets to the client"),
            Field("received_packets", INTEGER, "inner packets from the client"),
            Field("sent_packets", INTEGER, "inner packets to the client"),
        ),
    ),
    Event(
        "session.ordered",
        "An authentication server ordered something of a session: its end, or other limits.",
        (SUCCESS,),
        (_BACKEND, Field("act", STRING, "`disconnect` or `change`"), Field("policy", STRING, _POLICY)),
        severity="notice",
    ),
    Event(
        "session.order-refused",
        "What a server, or somebody in its name, ordered was not done: no such session, an attribute that cannot be "
        "changed, a packet that is forged, old, repeated or one too many.",
        (FAILURE,),
        (_BACKEND, _COUNT, _DETAIL),
    ),
    Event(
        "accounting.unanswered",
        "No server of a backend confirms what it is told of sessions. It waits, and is told again.",
        (FAILURE,),
        (_BACKEND, _WAITING),
    ),
    Event("accounting.answered", "They confirm it again.", (SUCCESS,), (_BACKEND, _WAITING)),
    Event(
        "accounting.lost",
        "Events of accounting were dropped: too many or for too long waiting (queue-full, too-old), of a backend that "
        "is no longer in the site file (backend-removed), or what no packet can carry (unfit, unreadable).",
        (FAILURE,),
        (_BACKEND, _COUNT),
        severity="error",
    ),
    Event(
        "pool.exhausted",
        "No address was free in a pool.",
        (FAILURE,),
        (Field("pool", STRING, "prefix of the pool"), _COUNT),
    ),
    Event(
        "wire.refused",
        "A worker refused something from outside: bad input, a failed handshake, a limit.",
        (FAILURE,),
        (Field("what", STRING, "label of the worker's event"), _COUNT, _DETAIL),
    ),
    Event(
        "worker.lost",
        "A worker process ended without being told to.",
        (FAILURE,),
        (Field("slot", INTEGER, "its slot"), _COUNT),
    ),
    Event("network.lost", "The process that sets routes ended without being told to.", (FAILURE,), (_COUNT, _DETAIL)),
    Event(
        "admin.disconnected",
        "An administrator ended sessions.",
        (SUCCESS, FAILURE),
        (_USER, _COUNT, _DETAIL),
        severity="notice",
    ),
    Event(
        "admin.user-added",
        "An administrator made an account.",
        (SUCCESS, FAILURE),
        (_USER, Field("groups", STRING, "groups of the account, separated by commas"), _DETAIL),
        severity="notice",
    ),
    Event(
        "admin.user-removed",
        "An administrator removed an account; its sessions end.",
        (SUCCESS, FAILURE),
        (_USER, _DETAIL),
        severity="notice",
    ),
    Event(
        "admin.password-set",
        "An administrator set a password; sessions of the account end.",
        (SUCCESS, FAILURE),
        (_USER, _DETAIL),
        severity="notice",
    ),
    Event(
        "admin.user-unlocked",
        "An administrator lifted a lockout.",
        (SUCCESS, FAILURE),
        (_USER, _DETAIL),
        severity="notice",
    ),
    Event(
        "admin.state-copied",
        "An administrator had the state file copied for a backup; stored before the copy is made.",
        (SUCCESS, FAILURE),
        severity="notice",
    ),
    Event(
        "admin.evidence-signed",
        "Somebody had evidence signed with the gateway's evidence key; stored before the signature is made.",
        (SUCCESS, FAILURE),
        (
            Field("digest", STRING, "SHA-384, in hexadecimal, of what is signed (DSSE pre-authentication encoding)"),
            _DETAIL,
        ),
        severity="notice",
    ),
    Event(
        "admin.act",
        "Another act of administration: a status read, a reload, a caller who was refused.",
        (SUCCESS, FAILURE),
        (Field("act", STRING, "what was asked for"), _DETAIL),
        severity="notice",
    ),
    Event(
        "gateway.started",
        "The keeper of sessions started.",
        (SUCCESS,),
        (
            Field("sessions", INTEGER, "sessions taken over from before"),
            Field("generation", INTEGER, "number of the configuration"),
        ),
        severity="notice",
    ),
    Event(
        "gateway.restored",
        "The state came from a backup: what happened between that and this record is not in it, and a trail elsewhere "
        "may have other records with the same numbers.",
        (SUCCESS,),
        (Field("made", INTEGER, "when the backup was made, in Unix seconds"),),
        severity="warning",
    ),
    Event(
        "gateway.weakened",
        "Processes go on without a part of their confinement: the machine refuses it and the site allows that, or they "
        "were started to learn; again at each start.",
        (SUCCESS,),
        (Field("names", STRING, "words of `confinement.allow` in force, and `learning`; separated by commas"),),
        severity="warning",
    ),
    Event(
        "module.failed",
        "The cryptographic module of a process failed (self-test, integrity, entropy) and ended the process. When a "
        "fresh process fails so at its start twice in a row, the gateway ends.",
        (FAILURE,),
        (
            Field("process", STRING, "the process, with the slot of a worker"),
            Field("stage", STRING, "`start` or `running`"),
            _DETAIL,
        ),
        severity="error",
    ),
    Event("gateway.stopped", "The keeper of sessions was told to stop.", (SUCCESS,), (), severity="notice"),
    Event(
        "gateway.reconfigured",
        "A new configuration was taken.",
        (SUCCESS,),
        (Field("generation", INTEGER, "number of the configuration"),),
        severity="notice",
    ),
    Event(
        "records.lost",
        "Events happened that could not be recorded one by one.",
        (FAILURE,),
        (_COUNT,),
        severity="error",
    ),
    Event(
        "records.checkpoint",
        "A signed statement about the trail so far. What is signed: `wolfguard-checkpoint-v1`, a line feed, and the "
        "fields without `signature` as canonical JSON; with ECDSA P-384 and SHA-384.",
        (SUCCESS,),
        (
            Field("upto", INTEGER, "number of the newest record that it covers"),
            Field("head", STRING, "hash of that record"),
            Field("count", INTEGER, "how many records it covers that the checkpoint before does not"),
            Field("signed_at", STRING, "when, RFC 3339, UTC, milliseconds"),
            Field("boot", STRING, "boot id of the machine, empty where it has none"),
            Field("before", STRING, "SHA-256 of what the checkpoint before signed; 64 zeros where none is known"),
            Field("lost", INTEGER, "events since the trail began that could not be recorded"),
            Field("key", STRING, "SHA-256 of the public key (SubjectPublicKeyInfo)"),
            Field("signature", STRING, "DER, as base64"),
        ),
        severity="notice",
    ),
    Event(
        "records.damaged",
        "The stored tail of the trail does not fit together: somebody or something changed it.",
        (FAILURE,),
        (_DETAIL,),
        severity="error",
    ),
    Event("state.unwritable", "State could not be stored; logins are refused until it can.", (FAILURE,), (_DETAIL,)),
)

BY_NAME: Final = {event.name: event for event in EVENTS}
