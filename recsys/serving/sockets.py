"""Reserving a port that several processes will listen on."""

import socket

from recsys.errors import InvalidConfig


def reserve(*, host: str, port: int) -> socket.socket:
    """Bind a port without listening, so that it is ours and workers can share it.

    The kernel hands connections only to sockets that listen; this one never
    does. It keeps the number when port 0 asked for any, and while all workers
    are being restarted.

    Args:
        host: Name or address.
        port: Port; 0 picks a free one.

    Returns:
        The bound socket; close it to give the port back.

    Raises:
        InvalidConfig: The address is not ours or another server has it.
    """
    try:
        family, kind, protocol, _, address = socket.getaddrinfo(
            host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE
        )[0]
        if port:
            # With SO_REUSEPORT alone a second server would silently take half
            # of the first one's calls; without it, bind says that it is there.
            with socket.socket(family, kind, protocol) as probe:
                probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
                probe.bind(address)
                probe.listen(1)
        reserved = socket.socket(family, kind, protocol)
    except OSError as error:
        raise _unusable(host, port, error) from error
    try:
        reserved.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
        reserved.bind(address)
    except OSError as error:
        reserved.close()
        raise _unusable(host, port, error) from error
    return reserved


def _unusable(host: str, port: int, error: OSError) -> InvalidConfig:
    return InvalidConfig(source="server", problem=f"cannot listen on {host}:{port}: {error}")
