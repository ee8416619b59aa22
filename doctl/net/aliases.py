"""Follows a host name through its aliases (CNAME records), as the system's own name servers tell them."""

import asyncio

from doctl.errors import NameLookupError
from doctl.printable import printable


async def read(host: str, timeout: float) -> tuple[str, ...]:
    """Return the names that ``host`` is an alias of, in order; empty when it has records of its own.

    NameLookupError where DNS has no such name, does not answer within ``timeout`` seconds, or cannot be asked.
    """
    import dns.asyncresolver  # noqa: PLC0415 - only checks ask, and it is slow to load
    import dns.exception  # noqa: PLC0415 - as above
    import dns.resolver  # noqa: PLC0415 - as above

    try:
        async with asyncio.timeout(timeout):
            resolver = dns.asyncresolver.Resolver()
            answer = await resolver.resolve(host, "A", raise_on_no_answer=False, lifetime=timeout, search=False)
    except dns.resolver.NXDOMAIN:
        raise NameLookupError(f"{host}: DNS has no such name") from None
    except (TimeoutError, dns.exception.Timeout):
        raise NameLookupError(f"{host}: no name server answered within {timeout:g} s") from None
    except (dns.resolver.NoNameservers, dns.resolver.NoResolverConfiguration):
        raise NameLookupError(f"{host}: no name server gave an answer") from None
    except (dns.exception.DNSException, OSError, UnicodeError) as error:
        raise NameLookupError(f"{host}: DNS could not be asked ({printable(type(error).__name__, 60)})") from error
    chain = [rrset[0].target for rrset in answer.chaining_result.cnames]
    return tuple(printable(name.to_text(omit_final_dot=True), 260) for name in chain)
