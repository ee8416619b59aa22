"""What client and reflector say: read back as written, and whatever else comes is refused in words."""

import hashlib
import hmac

import pytest
from hypothesis import given
from hypothesis import strategies as st

from doctl.errors import DoctlError, ServiceError
from doctl.wire.reflection import LONGEST, PROOF_SIZE, SHORTEST, ProbeAnswer, ProbeRequest, proof


@given(
    st.sampled_from([7680]) | st.integers(1024, 65535),
    st.none() | st.binary(min_size=16, max_size=16),
    st.floats(SHORTEST, LONGEST),
)
def test_requests_read_back(port: int, nonce: bytes | None, timeout: float) -> None:
    """A request is read back as it was written."""
    request = ProbeRequest(port, nonce, timeout)
    assert ProbeRequest.decode(request.encode()) == request


@pytest.mark.parametrize(("asked", "granted"), [(0, SHORTEST), (-5, SHORTEST), (3600, LONGEST), (1, 1.0)])
def test_patience_has_bounds(asked: float, granted: float) -> None:
    """However long a reflector is asked to wait, it waits within its bounds."""
    assert ProbeRequest.decode(b'{"timeout_s": %d}' % asked).timeout_s == granted


@pytest.mark.parametrize("matched", [None, True, False])
def test_answers_read_back(matched: bool | None) -> None:
    """An answer is read back as it was written."""
    answer = ProbeAnswer("192.0.2.7", 7680, "open", matched, 0.25)
    assert ProbeAnswer.decode(answer.encode()) == answer


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"{}",
        b"[]",
        b'{"address": 1, "port": 7680, "outcome": "open", "nonce_matched": null, "duration_s": 1}',
        b'{"address": "a", "port": "7680", "outcome": "open", "nonce_matched": null, "duration_s": 1}',
        b'{"address": "a", "port": 7680, "outcome": "novel", "nonce_matched": null, "duration_s": 1}',
        b'{"address": "a", "port": 7680, "outcome": ["open"], "nonce_matched": null, "duration_s": 1}',
        b'{"address": "a", "port": 7680, "outcome": "open", "nonce_matched": "yes", "duration_s": 1}',
        b'{"address": "a", "port": 7680, "outcome": "open", "nonce_matched": null, "duration_s": NaN}',
    ],
)
def test_what_no_reflector_says(body: bytes) -> None:
    """Missing fields and other types are refused."""
    with pytest.raises(ServiceError):
        ProbeAnswer.decode(body)


@given(
    st.binary(max_size=1100) | st.from_regex(rb'\{"(port|nonce|timeout_s|address|outcome)": ?[0-9eE"\[\].-]{0,40}\}')
)
def test_anything_at_all_is_read_or_refused(data: bytes) -> None:
    """Whatever comes is an object or a DoctlError."""
    for kind in (ProbeRequest, ProbeAnswer):
        try:
            kind.decode(data)
        except DoctlError as error:
            assert str(error)


def test_the_proof_is_an_hmac() -> None:
    """The proof is HMAC-SHA256 of the challenge, keyed with the nonce (RFC 2104)."""
    nonce, challenge = bytes(range(16)), bytes(32)
    assert proof(nonce, challenge) == hmac.new(nonce, challenge, hashlib.sha256).digest()
    assert len(proof(nonce, challenge)) == PROOF_SIZE
