"""A name server with a few records: ``python -m tests.servers.name_server ADDRESS RECORDS``, on UDP port 53.

RECORDS is JSON: names, each with addresses, or with ``CNAME name``. Other names do not exist. It says a line when it is
ready.
"""

import json
import socket
import sys
from collections.abc import Mapping

import dns.flags
import dns.message
import dns.rcode
import dns.rdataclass
import dns.rdatatype
import dns.rrset

Records = Mapping[str, list[str]]


def answer(query: bytes, records: Records) -> bytes:
    """Return the answer to one query, following aliases."""
    request = dns.message.from_wire(query)
    response = dns.message.make_response(request)
    response.flags |= dns.flags.RA
    question = request.question[0]
    name = question.name.to_text(omit_final_dot=True).lower()
    if name not in records:
        response.set_rcode(dns.rcode.NXDOMAIN)
        return response.to_wire()
    while name in records:
        alias = next((value for value in records[name] if value.startswith("CNAME ")), None)
        if alias is None:
            break
        response.answer.append(dns.rrset.from_text(f"{name}.", 60, "IN", "CNAME", f"{alias[6:]}."))
        name = alias[6:]
    ipv6 = question.rdtype == dns.rdatatype.AAAA
    found = [value for value in records.get(name, []) if (":" in value) == ipv6]
    if found and question.rdtype in (dns.rdatatype.A, dns.rdatatype.AAAA):
        response.answer.append(dns.rrset.from_text(f"{name}.", 60, "IN", question.rdtype, *found))
    return response.to_wire()


def main() -> None:
    """Serve until ended."""
    records: Records = json.loads(sys.argv[2])
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as server:
        server.bind((sys.argv[1], 53))
        print("ready", flush=True)
        while True:
            query, sender = server.recvfrom(4096)
            server.sendto(answer(query, records), sender)


if __name__ == "__main__":
    main()
