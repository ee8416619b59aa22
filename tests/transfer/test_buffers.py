"""Buffers: so many and no more, used again, and waited for when all are out."""

import asyncio
import mmap

import pytest

from doctl.transfer.buffers import BUDGET, FEWEST, MOST, BufferPool


@pytest.mark.parametrize(
    ("size", "count"),
    [(0, MOST), (1 << 10, MOST), (1 << 20, 24), (2 << 20, 12), (16 << 20, FEWEST), (BUDGET, FEWEST)],
)
def test_the_number_of_buffers_follows_from_their_size(size: int, count: int) -> None:
    """They fit the budget, but are never fewer than a download needs, nor more than it can use."""
    assert BufferPool(size).count == count


def test_whoever_comes_when_all_are_out_waits() -> None:
    """A buffer that is given back goes to who has waited longest, and it is the same memory."""

    async def exhausting() -> None:
        pool = BufferPool(1024)
        out = [await pool.take() for _ in range(pool.count)]
        assert {len(buffer) for buffer in out} == {1024}
        waiting = [asyncio.create_task(pool.take()) for _ in range(2)]
        await asyncio.sleep(0)
        assert not any(task.done() for task in waiting)
        pool.give(out[5])
        assert await waiting[0] is out[5]
        assert not waiting[1].done()
        pool.give(out[7])
        assert await waiting[1] is out[7]

    asyncio.run(exhausting())


def test_who_stops_waiting_takes_nothing_away() -> None:
    """A taker that is cancelled leaves every buffer to the others."""

    async def cancelling() -> None:
        pool = BufferPool(16 << 20)
        out = [await pool.take() for _ in range(pool.count)]
        waiting = asyncio.create_task(pool.take())
        await asyncio.sleep(0)
        waiting.cancel()
        await asyncio.gather(waiting, return_exceptions=True)
        for buffer in out:
            pool.give(buffer)
        async with asyncio.timeout(30):
            assert len([await pool.take() for _ in range(pool.count)]) == pool.count

    asyncio.run(cancelling())


def test_memory_is_used_again() -> None:
    """A pool sets no more aside than was out at a time; each buffer begins at a page, as disks want it."""

    async def one_after_another() -> set[int]:
        pool, seen = BufferPool(1 << 20), set()
        for _ in range(50):
            buffer = await pool.take()
            seen.add(id(buffer))
            pool.give(buffer)
        assert isinstance(buffer.obj, mmap.mmap)
        return seen

    assert len(asyncio.run(one_after_another())) == 1
