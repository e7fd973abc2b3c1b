# SPDX-License-Identifier: GPL-3.0-or-later
"""Types of the one native extension (source: wolfguard/engine/native/ext_*.c). Only thin faces import it:
`wolfguard.engine`, `wolfguard.crypto`, `wolfguard.sandbox`. Times are milliseconds of CLOCK_MONOTONIC unless named."""

from typing import Final

# ext_crypto.c ------------------------------------------------------------------------------------------------------

def library_version() -> str: ...
def library_path() -> str: ...
def self_tests() -> tuple[str, int, list[tuple[str, bool, int]]]:
    """Version of the FIPS module ("" without one), microseconds of the whole start, and each test: name, passed,
    microseconds. They ran in C while the extension was loaded; one that fails ends the process there."""

def library_segments() -> list[tuple[int, int, str, str]]:
    """What is mapped of libwolfssl and cannot be written: address in the file's numbers, size, "r" or "rx", SHA-256."""

def built_algorithms() -> dict[str, list[str]]:
    """IANA names that the library has and the data plane can use, by the key of a crypto profile: suites_tls13,
    suites_tls12, suites_dtls12, groups, signatures. Raises OSError when the library could not be started."""

def random_bytes(count: int) -> bytes: ...
def digest(name: str, data: bytes) -> bytes: ...
def hmac(name: str, key: bytes, data: bytes) -> bytes: ...
def pbkdf2_sha512(password: bytes, salt: bytes, iterations: int, length: int) -> bytes:
    """Releases the GIL and lowers the calling thread's priority; call it in a thread of its own."""

def equal(a: bytes, b: bytes) -> bool:
    """Constant time for inputs of equal length."""

def make_p384_key(fd: int, allow_unlocked: bool, /) -> bytes:
    """Makes an ECDSA key on P-384, writes it as PEM into the descriptor, returns its SPKI (DER). ValueError with a
    sentence; then the file holds no key. `allow_unlocked`: also where no memory can be locked."""

def certificate_public_key(chain_pem: bytes) -> bytes:
    """SubjectPublicKeyInfo (DER) of the first certificate."""

class KeyServer:
    """keyd's hot path: one C thread a channel; Python only configures and counts."""

    def __init__(self, signatures_per_second: int, allow_unlocked: bool = False, p384_only: bool = False) -> None:
        """`allow_unlocked`: keys are loaded also where the machine refuses to lock their memory. `p384_only`: only
        ECDSA with SHA-384 is signed."""

    def load(self, number: int, key_pem_fd: int, expected: bytes = b"", /) -> bytes:
        """Reads and closes a private key; replaces the one with this number; returns its SPKI (DER). Given `expected`
        (an SPKI), a key with another one is refused and the key before stays. Raises ValueError with a sentence."""

    def unload(self, number: int, /) -> None:
        """Takes a key out; it is wiped when its last signature is done."""

    def serve(self, channel_fd: int, numbers: list[int]) -> None:
        """Starts a thread that owns the descriptor until the peer closes it."""

    def counters(self) -> dict[str, int]: ...
    def unlocked(self) -> bool:
        """Whether memory of any key loaded so far could not be locked."""

    def close(self) -> None: ...

# ext_tls_client.c --------------------------------------------------------------------------------------------------

class SignChannel:
    """A way to keyd for who is no handshake thread."""

    def __init__(self) -> None: ...
    def set(self, fd: int, /) -> None:
        """Takes over the descriptor; closes the one before."""

    def sign_p384(self, number: int, digest: bytes, /) -> bytes:
        """The ECDSA signature (DER) over a digest of SHA-384. One call at a time; blocks for five seconds at most.
        ConnectionError with a sentence: there is none."""

class TlsClient:
    """One TLS connection that we open: bytes in, bytes out. A method that finds the connection at its end raises
    ConnectionError with a label as its text; none blocks but for keyd's signature during the handshake."""

    def __init__(
        self,
        *,
        channel: SignChannel,
        server_name: str,
        authorities: bytes,
        chain: bytes,
        key: int,
        protocols: str,
        suites: list[str],
        groups: list[str],
        signatures: list[str],
        minimum_rsa_bits: int,
        version: str = "1.3",
        any_server: bool = False,
    ) -> None:
        """`chain` is ours (PEM), empty for none; `key` its number in keyd. `any_server`: chain, name, sizes of keys and
        protocol are not checked, and "1.2" may be the version. Raises ValueError with a sentence."""

    def feed(self, data: bytes, /) -> None: ...
    def handshake(self) -> tuple[str, str] | None:
        """(protocol, suite) when done, None while bytes are wanted."""

    def chain(self) -> list[bytes]:
        """The server's certificates (DER) as it sent them, after the handshake."""

    def read(self) -> bytes | None: ...
    def write(self, data: bytes, /) -> bool:
        """False: no room; nothing was taken."""

    def close_notify(self) -> None: ...
    def pending(self) -> bytes: ...
    def sent(self, count: int, /) -> None: ...

# ext_fips.c --------------------------------------------------------------------------------------------------------

def fips_module() -> tuple[str, str, int, int] | None:
    """Version, in-core hash (hex), status (0 is good) and mode (-1: not told) of the FIPS module; None without one."""

def verify_p384(spki: bytes, data: bytes, signature: bytes) -> bool:
    """ECDSA P-384 with SHA-384. `spki` and `signature` are DER. RuntimeError: the module refused."""

# ext_engine.c ------------------------------------------------------------------------------------------------------

EVENT_OPENED: Final[int]  # (kind, conn, facts: dict)   a client's first record follows; keys: engine.Opened's but conn
EVENT_DATA: Final[int]  # (kind, conn, data: bytes)    control plaintext, one for each read()
EVENT_CLOSED: Final[int]  # (kind, conn, reason: str)   once for each connection opened that became no tunnel
EVENT_REFUSED: Final[int]  # (kind, peer: str, reason: str, count: int)   never opened; summed by (address, reason)
EVENT_TUNNEL_CLOSED: Final[int]  # (kind, session, epoch, reason: str, code: int, detail: bytes)
EVENT_TUNNEL_TIMER: Final[int]  # (kind, session, epoch, timer: str)  idle, expired: Python decides
EVENT_TUNNEL_REKEYED: Final[int]  # (kind, session, epoch)
EVENT_TUNNEL_DATAGRAM: Final[int]
# (kind, session, epoch, state: str, suite: str, extended_master_secret: bool, reason: str)   DTLS of a tunnel: "up"
# (suite: IANA's name), "down" or "refused" by the profile (reason: a label)

class Engine:
    """The data plane of one worker. No method blocks; all may be called from the Python thread only."""

    def __init__(
        self,
        *,
        slot: int,
        tun: int,
        listeners: list[int],
        datagrams: list[int],
        counters: int,
        handshake_threads: int,
        limits: dict[str, int],
    ) -> None:
        """`tun`: descriptor with IFF_VNET_HDR (12-byte header), or -1. `listeners`: bound, listening, non-blocking.
        `datagrams`: bound, non-blocking UDP sockets with all their options set; may be empty.
        `counters`: memfd of session traffic counters (64-byte entries: u64 session, rx_packets, rx_bytes,
        tx_packets, tx_bytes, last_active_ms, reserved x2), or -1. `limits` keys: half_open, handshakes_per_second,
        handshake_burst, unauthenticated, handshake_ms, login_ms."""

    def set_sites(self, sites: list[dict[str, object]]) -> None:
        """Replaces all TLS contexts; open connections keep theirs. Each: name, server_names (list), certificates
        (list of {number, chain: bytes PEM}), versions, suites_tls13, suites_tls12, groups, key_shares, signatures
        (lists of IANA names), require_extended_master_secret, require_hybrid, minimum_rsa_bits, tickets. Raises
        ValueError naming what libwolfssl cannot do."""

    def set_sign_channel(self, thread: int, fd: int) -> None:
        """Hands a handshake thread its channel to keyd; replaces (and closes) the one before."""

    def start(self) -> None: ...
    def stop_accepting(self) -> None: ...
    def stop(self) -> None: ...
    @property
    def eventfd(self) -> int: ...
    def poll(self, limit: int) -> list[tuple[object, ...]]: ...
    def read(self, conn: int) -> None:
        """Grants one more EVENT_DATA (at most one TLS record of plaintext)."""

    def write(self, conn: int, data: bytes, close: bool) -> None: ...
    def close(self, conn: int) -> None: ...
    def authenticated(self, conn: int) -> None:
        """Takes the connection out of the unauthenticated limits (and of login_ms)."""

    def start_tunnel(self, conn: int, head: bytes, tunnel: dict[str, object]) -> None:
        """Sends `head` (the CONNECT response), then frames. Keys: session, epoch, index, ipv4 (4 bytes or None), ipv6
        (16 bytes or None), networks (list of (bytes, prefix) that the client may also use as sources), mtu, dpd,
        keepalive, rekey, idle, lifetime (milliseconds, 0 = never), record_limit (256 to 2^24),
        datagram (None: no DTLS, or a dict of app_id: bytes
        (32, the first is the slot), suites: list of IANA names in order of preference,
        require_extended_master_secret: bool), rates (a dict as for set_rates). A tunnel of the same session is
        replaced."""

    def end_tunnel(self, session: int, epoch: int, bye: bytes | None) -> None:
        """Closes it, first sending a DISCONNECT frame with `bye` as payload unless None. Older epochs are ignored."""

    def set_rates(self, session: int, epoch: int, rates: dict[str, int]) -> None:
        """Keys: up, down (bytes a second from and to the client, 0 for no limit), up_burst, down_burst (bytes). A
        tunnel of another epoch is left alone."""

    def tunnels(self) -> list[tuple[int, int]]:
        """(session, epoch) of those alive."""

    def counters(self) -> dict[str, int]: ...
    def facts(self) -> dict[str, str]:
        """What is in use: offloads, groups built in."""

# ext_sandbox.c -----------------------------------------------------------------------------------------------------

def seccomp_install(program: bytes, learn: bool) -> int | None:
    """Installs classic BPF (struct sock_filter array) on all threads; raises OSError. Learning, calls that the program
    would kill for wait for the holder of the listener (seccomp_unotify(2)), whose descriptor is returned."""

def seccomp_check() -> None:
    """Raises OSError where no filter that kills can be installed."""

def landlock_abi() -> int: ...
def landlock_restrict(paths: list[tuple[str, int]], ports: list[int], fs: int, net: int, scoped: int) -> int:
    """Allows only `paths` (path, access bits); returns the ABI used; raises OSError."""

def wipe_freed_memory() -> None: ...
def set_dumpable(value: bool) -> None: ...
def set_no_new_privs() -> None: ...
def drop_capabilities(keep: list[int]) -> None:
    """Clears bounding, ambient, inheritable, permitted and effective but for `keep`."""
