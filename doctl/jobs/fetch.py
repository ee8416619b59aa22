"""``doctl fetch`` from start to finish: what is to be had, who is trusted for it, where it goes; then the transfer."""

import asyncio
from collections.abc import Callable
from pathlib import Path
from typing import Final

from doctl.atomic import TRAP, is_trap
from doctl.coordination.peer_list import licence_of
from doctl.errors import ContentError, DoctlError, LocalError, NetworkError, ServiceError, UsageError
from doctl.jobs.fetch_result import WITHOUT_PEERS, FetchJob, FetchOrder, FetchResult
from doctl.jobs.finding import Joining, joining
from doctl.jobs.transfer import Transfer
from doctl.net.base import Network
from doctl.report import Progress
from doctl.sources import hash_files
from doctl.transfer import hashing
from doctl.transfer.content import Content
from doctl.transfer.hashing import describe, in_thread, sha256_of
from doctl.transfer.origin import Origin, learn
from doctl.transfer.store import explained
from doctl.wire.file_names import suggest
from doctl.wire.hash_file import encode
from doctl.wire.service import ContentPolicy
from doctl.wire.urls import shown

SMALLEST: Final = 10_000_000
"""Bytes of the smallest file that the service is asked for peers of (10 MB)."""

Watch = Callable[[Progress], None]
"""Is called about twice a second with how far it is."""
Say = Callable[[str], None]
"""Is called with a line for the administrator."""


async def fetch(network: Network, order: FetchOrder, result: FetchResult, *, watch: Watch, say: Say) -> None:
    """Carry out ``order`` and fill ``result``; what went wrong is its ``error``. UsageError is raised."""
    start = network.now()
    try:
        async with (
            network.http(proxy=order.proxy, direct=order.direct, timeout=order.timeout, bulk=True) as client,
            joining(network, order.rendezvous, order.timeout) as service,
        ):
            await _Fetch(FetchJob(order, result, network, client, watch, say), service).run()
    except UsageError:
        raise
    except DoctlError as error:
        result.error = str(error)
    finally:
        result.duration_s = network.now() - start


class _Fetch:
    """One fetch under way."""

    def __init__(self, job: FetchJob, service: Joining | None) -> None:
        self._job = job
        self._joining = service
        self._order = job.order
        self._result = job.result

    async def run(self) -> None:
        """Do it all; a DoctlError says what went wrong."""
        learning = asyncio.create_task(learn(self._job.client, self._order.url))
        try:
            await self._run(learning)
        finally:
            learning.cancel()
            await asyncio.gather(learning, return_exceptions=True)

    async def _run(self, learning: asyncio.Task[Origin]) -> None:
        described = await self._describe()
        judging = asyncio.create_task(self._judge(learning, described))
        try:
            await self._transfer(described, judging)
        finally:
            judging.cancel()
            await asyncio.gather(judging, return_exceptions=True)

    async def _transfer(self, described: Content | None, judging: asyncio.Task[Origin | None]) -> None:
        origin = None if self._may_begin(described) else await judging
        length = origin.length if origin is not None else None
        content = Content(length) if described is None and length is not None else described
        self._note_hashes(content)
        self._result.file = path = self._path(origin)
        if await in_thread(lambda progress: self._is_there(path, content, progress)):
            return
        transfer = Transfer(self._job)
        if content is not None:
            self._leave_small_files(content)
            validator = origin.validator if origin is not None else None
            await transfer.pieces(path, content, judging, self._joining, validator)
        elif origin is not None:
            await transfer.stream(path, origin)

    # -- what is to be had

    async def _judge(self, learning: asyncio.Task[Origin], described: Content | None) -> Origin | None:
        """Return the origin once it has answered, None if there may be peers instead; it must agree with the hashes."""
        try:
            origin = await learning
        except DoctlError as error:
            if isinstance(error, UsageError) or described is None or not self._with_peers(described):
                raise self._helped(error) from None
            self._job.say(f"the origin cannot be used ({error}); going on with peers alone")
            return None
        if described is not None and origin.length not in (None, described.length):
            raise ContentError(
                "the origin and the hash file disagree: "
                f"the file has {origin.length} bytes there and {described.length} here"
            )
        return origin

    def _helped(self, error: DoctlError) -> DoctlError:
        """Name the command that shows where the way to the origin ends; what the origin answers speaks for itself."""
        if not isinstance(error, NetworkError):
            return error
        through = " --proxy URL" if self._order.proxy else ""
        return NetworkError(f"{error}; doctl proxy {shown(self._order.url)}{through} shows where the way ends")

    def _may_begin(self, described: Content | None) -> bool:
        """Whether peers need not wait until the origin has answered: all is known, even the name of the file."""
        output = self._order.output
        return described is not None and self._with_peers(described) and output is not None and not output.is_dir()

    async def _describe(self) -> Content | None:
        """Return the content as its hash file describes it, None without one; notes why there will be no peers."""
        order, client = self._order, self._job.client
        self._result.mode_reason = "HTTP only: no trusted HashOfHashes was given (--hash-of-hashes)"
        policy = await self._policy()
        trusted = order.hash_of_hashes or (policy.hash_of_hashes if policy else None)
        if order.phf is not None:
            return await hash_files.named_by_user(client, order.phf, trusted)
        if trusted is None:
            return None
        try:
            if policy is not None and policy.hash_file_urls and policy.hash_of_hashes == trusted:
                licence = licence_of(order.rendezvous.url) if order.rendezvous is not None else None
                return await hash_files.listed(client, policy.hash_file_urls, trusted, licence)
            return await hash_files.beside(client, order.url, trusted)
        except DoctlError as error:
            self._result.mode_reason = f"HTTP only: no hash file was found ({error}); name one with --phf"
            return None

    async def _policy(self) -> ContentPolicy | None:
        """Ask the service, if there is one, what is to be trusted; where that fails there will be no service."""
        joining, rendezvous, trusted = self._joining, self._order.rendezvous, self._order.hash_of_hashes
        if joining is None or rendezvous is None or self._order.mode in WITHOUT_PEERS:
            return None
        if trusted is None:
            rendezvous.check_trust()
        if rendezvous.exposed:
            self._job.say(f"{rendezvous.url} is asked over plain HTTP: anybody on the way could change what it says")
        try:
            return await joining.service.content_policy(self._order.url)
        except (NetworkError, ServiceError) as error:
            if trusted is not None and isinstance(error, ServiceError) and error.reason == "not_published":
                return None
            self._joining = None
            self._result.mode_reason = f"HTTP only: the coordination service is of no use: {error}"
            self._job.say(f"going on without the coordination service: {error}")
            return None

    def _note_hashes(self, content: Content | None) -> None:
        """Note what vouches for the pieces, before the file may turn out to be there already."""
        if content is not None and content.hashes is not None:
            self._result.hashed = True
            self._result.hash_of_hashes = encode(content.hash_of_hashes) if content.hash_of_hashes else None

    def _leave_small_files(self, content: Content) -> None:
        """Do without the service for a file that is not worth it."""
        if self._joining is not None and content.length < SMALLEST:
            self._joining = None
            self._result.mode_reason = f"HTTP only: {content.length} bytes are under 10 MB, too few to look for peers"

    def _with_peers(self, content: Content) -> bool:
        return content.hash_of_hashes is not None and self._order.mode not in WITHOUT_PEERS

    # -- where it goes

    def _path(self, origin: Origin | None) -> Path:
        output, name = self._order.output, origin.filename if origin is not None else suggest(self._order.url)
        if output is None:
            return Path(name)
        return output / name if output.is_dir() else output

    def _is_there(self, path: Path, content: Content | None, progress: hashing.Progress) -> bool:
        """Whether the very file is there already; LocalError if another one is, unless it may be replaced."""
        with explained(path):
            there, is_file = path.exists(), path.is_file()
            trap = there and is_trap(path)
        if not there:
            return False
        if trap and not self._order.force:  # its owner could change it after it was found to be right
            raise LocalError(f"{path} is there already: {TRAP}")
        if is_file and not trap and self._is_right(path, content, progress):
            self._job.say(f"{path} is there already and right: nothing to fetch")
            self._result.mode_reason = "nothing was left to fetch"
            return True
        if is_file and self._order.force:
            return False
        known = self._order.sha256 is not None or (content is not None and content.hashes is not None)
        what = "is not it" if known or not is_file else "no hash was named (--sha256) that says whether it is the same"
        raise LocalError(f"{path} is there already and {what}: choose another name with -o, or use --force")

    def _is_right(self, path: Path, content: Content | None, progress: hashing.Progress) -> bool:
        """Whether what is at ``path`` has the hashes that were named; without any, nobody can tell."""
        hashes = content.hashes if content is not None else None
        if (hashes is None and self._order.sha256 is None) or not _has_hashes(path, content, progress):
            return False
        digest = sha256_of(path, progress)
        if self._order.sha256 not in (None, digest):
            return False
        self._result.sha256 = digest
        self._result.length = self._result.resumed_bytes = path.stat().st_size
        return True


def _has_hashes(path: Path, content: Content | None, progress: hashing.Progress) -> bool:
    if content is None or content.hashes is None:
        return True
    right_length = path.stat().st_size == content.length
    return right_length and describe(path, content.piece_size, progress).pieces == content.hashes
