"""Hostile input for every parser: which exceptions may come out, and no other does.

MAY_RAISE is the promise, one row a parser; ``inputs.py`` says what is thrown at each and ``test_parsers.py`` throws it.
An empty row means that nothing may come out at all. Parsers that keep state, such as a peer's connection, have a module
of their own here and their row in the table as well.
"""

from typing import Final

from doctl.errors import ContentError, HashFileError, LocalError, OriginError, ProtocolError, ServiceError, UsageError

MAY_RAISE: Final[dict[str, tuple[type[Exception], ...]]] = {
    "doctl.wire.hash_file.parse": (HashFileError,),
    "doctl.wire.hash_file.parse_unchecked": (HashFileError,),
    "doctl.wire.hash_file.parse_hash_of_hashes": (UsageError,),
    "doctl.wire.hash_file.parse_content_id": (UsageError,),
    "doctl.wire.ranges.parse_content_range": (OriginError,),
    "doctl.wire.ranges.parse_unsatisfied_range": (OriginError,),
    "doctl.wire.ranges.parse_content_length": (OriginError,),
    "doctl.wire.ranges.parse_etag": (OriginError,),
    "doctl.wire.ranges.if_range": (),
    "doctl.wire.ranges.parse_http_date": (),
    "doctl.wire.ranges.parse_retry_after": (),
    "doctl.wire.urls.usable": (UsageError,),
    "doctl.wire.urls.shown": (),
    "doctl.wire.urls.next_hop": (OriginError,),
    "doctl.wire.file_names.clean": (),
    "doctl.wire.file_names.suggest": (),
    "doctl.endpoints.Address.parse": (UsageError,),
    "doctl.printable.printable": (),
    "doctl.settings.read_settings": (UsageError,),
    "doctl.net.adapters.inventory.read_inventory": (UsageError,),
    "doctl.net.proxies.address.Proxy.parse": (UsageError,),
    "doctl.net.proxies.windows.parse_servers": (),
    "doctl.net.proxies.windows.parse_winhttp": (),
    "doctl.net.proxies.macos.parse": (),
    "doctl.net.proxies.pac.parse_result": (ContentError,),
    "doctl.wire.service.parse_geo": (ServiceError,),
    "doctl.wire.service.parse_key_values": (ServiceError,),
    "doctl.wire.service.parse_content_policy": (ServiceError,),
    "doctl.wire.service.parse_discovery": (ServiceError,),
    "doctl.wire.service.parse_content_query": (UsageError,),
    "doctl.wire.joining.parse_join_request": (UsageError,),
    "doctl.wire.joining.parse_join_answer": (ServiceError,),
    "doctl.wire.joining.parse_swarm_query": (UsageError,),
    "doctl.wire.teredo.parse_answer": (),
    "doctl.wire.wsus.parse_place": (UsageError,),
    "doctl.net.teredo_state.parse_state": (LocalError,),
    "doctl.wire.swarm.SwarmConnection": (ProtocolError,),
}
