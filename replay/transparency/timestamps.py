"""Time stamps of checkpoints by an authority (RFC 3161): the request, and what an answer shows.

Nothing is sent from here: the request is a file that any client posts to an authority
(``application/timestamp-query``), the answer is the file that came back. A stamp shows that the
checkpoint, and with it every event that it covers, was there by the authority's instant.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from hashlib import sha256
from types import MappingProxyType
from typing import NamedTuple

from cryptography import x509
from rfc3161_client import (
    HashAlgorithm,
    TimestampRequestBuilder,
    VerificationError,
    VerifierBuilder,
    decode_timestamp_response,
)

from replay.transparency.verifier import NotShown

SHA256 = x509.ObjectIdentifier("2.16.840.1.101.3.4.2.1")
_SHORT = 0x80
"""A length below stands in one byte; above it is how many bytes of the length follow, and it."""


@dataclass(frozen=True, slots=True)
class Stamp:
    """What an authority answered: its instant (UTC), its policy, the number of the stamp."""

    at: datetime
    policy: str
    serial: int


def request(note: bytes) -> bytes:
    """Return the DER of a request to stamp a checkpoint, signatures included, by its SHA-256.

    It asks for the authority's certificate, and has no nonce: an older stamp of the same checkpoint
    shows more, not less.
    """
    builder = TimestampRequestBuilder(nonce=False).hash_algorithm(HashAlgorithm.SHA256)
    return builder.data(note).build().as_bytes()


def stamped(note: bytes, answer: bytes, authorities: Sequence[bytes]) -> Stamp:
    """Return the stamp that an answer (DER, its sets in any order) holds for a checkpoint.

    ``authorities`` are files of certificates in PEM, the roots that are trusted. Raises NotShown
    for an answer that is none or a refusal, for a stamp of other bytes, and for one that none of
    the authorities vouches for.
    """
    roots = [root for each in authorities for root in _certificates(each)]
    if not roots:
        raise NotShown("no authority is given; name the file of its root certificate, in PEM")
    try:
        response = decode_timestamp_response(_in_order(answer, _ANSWER))
        verifier = VerifierBuilder(roots=roots).build()
        info = response.tst_info
        if info.message_imprint.hash_algorithm != SHA256:
            raise NotShown("the stamp is not over a SHA-256; ask again with a request of ours")
        if info.message_imprint.message != sha256(note).digest():
            raise NotShown("the stamp is of other bytes than this checkpoint")
        verifier.verify(response, sha256(note).digest())
    except VerificationError as error:
        raise NotShown(f"no authority given vouches for the stamp: {_line(error)}") from error
    except ValueError as error:
        raise NotShown(f"the file is no time stamp, or a refusal: {_line(error)}") from error
    return Stamp(info.gen_time.astimezone(UTC), info.policy.dotted_string, info.serial_number)


class _Shape(NamedTuple):
    """Where sets are in an element: which of its parts hold some, by tag, and whether it is one."""

    parts: Mapping[int, _Shape] = MappingProxyType({})
    is_set: bool = False


# TimeStampResp (RFC 3161) > ContentInfo > SignedData > certificates, crls, SignerInfo > attributes
# (RFC 5652). What is signed is never touched: attributes are signed in the order of DER.
_SEQUENCE, _SET, _FIRST, _SECOND = 0x30, 0x31, 0xA0, 0xA1
_ELEMENTS = _Shape(is_set=True)
_SIGNER = _Shape({_FIRST: _ELEMENTS, _SECOND: _ELEMENTS})
_SIGNERS = _Shape({_SEQUENCE: _SIGNER}, is_set=True)
_SIGNED_DATA = _Shape({_SET: _SIGNERS, _FIRST: _ELEMENTS, _SECOND: _ELEMENTS})
_TOKEN = _Shape({_FIRST: _Shape({_SEQUENCE: _SIGNED_DATA})})
_ANSWER = _Shape({_SEQUENCE: _Shape({_SEQUENCE: _TOKEN})})


def _in_order(elements: bytes, shape: _Shape) -> bytes:
    """Put the sets of an answer in the order of DER: some authorities leave them as they come."""
    parts = []
    for head, content in _elements(elements):
        inner = shape.parts.get(head[0])
        parts.append(head + (content if inner is None else _in_order(content, inner)))
    return b"".join(sorted(parts) if shape.is_set else parts)


def _elements(told: bytes) -> Iterator[tuple[bytes, bytes]]:
    """Tag and length, and the content, of each element; ValueError if one is cut off."""
    while told:
        length, start = int.from_bytes(told[1:2]), 2
        if length > _SHORT:
            start += length - _SHORT
            length = int.from_bytes(told[2:start])
        if start + length > len(told):
            raise ValueError("it is cut off")
        yield told[:start], told[start : start + length]
        told = told[start + length :]


def _certificates(pem: bytes) -> list[x509.Certificate]:
    try:
        return x509.load_pem_x509_certificates(pem)
    except ValueError as error:
        raise NotShown(f"the file holds no certificate in PEM: {_line(error)}") from error


def _line(error: Exception) -> str:
    return str(error).splitlines()[0] if str(error) else type(error).__name__
