"""Answers the DNS queries of programs in a network that leads to the embedded cloud and nowhere else.

Every name under aliyuncs.com has the address of that network's loopback, where the gateway accepts or refuses it, and so have the
names that a service's users give it, as long as they do; no other name exists. Nothing is asked elsewhere, and nothing is cached.

Sources: RFC 1035 (messages), RFC 2308 section 2 (a name that does not exist, and one without such records).
"""

from __future__ import annotations

import asyncio
import contextlib
import socket
from collections.abc import Callable

from localcloud.gateway.names import is_cloud_name

ADDRESS = "127.0.0.1"
PORT = 53
TTL = 5  # seconds; a program that lives longer than the network asks again
MAX_QUERY = 4096  # bytes; a query is one datagram of some dozen


Known = Callable[[str], bool]  # says whether a name, in lower case, is one that a user has given


def answer(query: bytes, known: Known) -> bytes | None:
    """Return the answer to a query; None when it is no query at all.

    Args:
        query: the datagram.
        known: knows the names beside those of the cloud.
    """
    import dns.exception
    import dns.flags
    import dns.message
    import dns.rcode
    import dns.rdataclass
    import dns.rdatatype
    import dns.rrset

    try:
        asked = dns.message.from_wire(query)
        said = dns.message.make_response(asked, recursion_available=True)
    except dns.exception.DNSException:
        return None
    if len(asked.question) != 1:
        said.set_rcode(dns.rcode.FORMERR)
        return said.to_wire()
    question = asked.question[0]
    name = question.name.to_text(omit_final_dot=True).lower()
    if not (is_cloud_name(name) or known(name)):
        said.set_rcode(dns.rcode.NXDOMAIN)
    elif (question.rdclass, question.rdtype) == (dns.rdataclass.IN, dns.rdatatype.A):
        said.answer.append(dns.rrset.from_text(question.name, TTL, question.rdclass, question.rdtype, ADDRESS))
    return said.to_wire()


class Resolver:
    """Answers what comes to one socket, until it is closed.

    Args:
        listening: a datagram socket; closed with the resolver.
        known: knows the names beside those of the cloud.
    """

    def __init__(self, listening: socket.socket, known: Known) -> None:
        listening.setblocking(False)
        self._socket = listening
        self._known = known
        self._loop = asyncio.get_running_loop()
        self._loop.add_reader(listening, self._serve)

    def close(self) -> None:
        """Answer nothing more."""
        self._loop.remove_reader(self._socket)
        self._socket.close()

    def _serve(self) -> None:
        with contextlib.suppress(OSError):  # the client has gone, or does not read its answers: it asks again
            query, client = self._socket.recvfrom(MAX_QUERY)
            said = answer(query, self._known)
            if said:
                self._socket.sendto(said, client)
