"""RFC 3161: a stamp by an authority of the test's own, made by OpenSSL, and what is no stamp."""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from interfaces.cli.main import main
from replay.transparency.timestamps import request, stamped
from replay.transparency.verifier import NotShown

NOTE = (
    b"commission-ledger/0123\n17\nq83vEjRWeJCrze8SNFZ4kKvN7xI0VniQq83vEjRWeJA=\n\n"
    b"\xe2\x80\x94 commission-ledger/0123 AAAA\n"
)
DAY = timedelta(days=1)

CONFIGURATION = """
[tsa]
default_tsa = authority
[authority]
serial = serial
crypto_device = builtin
signer_cert = signer.pem
signer_key = signer.key
signer_digest = sha256
default_policy = 1.2.3.4.1
digests = sha256
ess_cert_id_alg = sha256
ess_cert_id_chain = no
certs = root.pem
"""

Ask = Callable[[bytes], bytes]


@pytest.fixture(autouse=True)
def openssl() -> None:
    """The authority; it may be missing on a developer's machine, not where CI runs."""
    if shutil.which("openssl") is None:
        message = "openssl is not installed: apt-get install openssl"
        pytest.fail(message) if os.environ.get("CI") else pytest.skip(message)


def certificate(
    folder: Path, name: str, issuer: tuple[x509.Name, ec.EllipticCurvePrivateKey] | None = None
) -> tuple[x509.Name, ec.EllipticCurvePrivateKey]:
    """Make a certificate and its key: a root, or one that a root lets stamp."""
    key = ec.generate_private_key(ec.SECP256R1())
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
    now = datetime.now(UTC)
    by, by_key = issuer or (subject, key)
    builder = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(by)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - DAY)
        .not_valid_after(now + DAY)
        .add_extension(x509.BasicConstraints(ca=issuer is None, path_length=None), critical=True)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
        .add_extension(
            x509.AuthorityKeyIdentifier.from_issuer_public_key(by_key.public_key()), critical=False
        )
    )
    if issuer is not None:
        usage = x509.ExtendedKeyUsage([ExtendedKeyUsageOID.TIME_STAMPING])
        builder = builder.add_extension(usage, critical=True)
    signed = builder.sign(by_key, hashes.SHA256())
    (folder / f"{name}.pem").write_bytes(signed.public_bytes(Encoding.PEM))
    (folder / f"{name}.key").write_bytes(
        key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    )
    return subject, key


@pytest.fixture
def ask(tmp_path: Path) -> Ask:
    """Ask the authority: a request in, its answer out."""
    certificate(tmp_path, "signer", certificate(tmp_path, "root"))
    certificate(tmp_path, "stranger")
    (tmp_path / "tsa.cnf").write_text(CONFIGURATION)
    (tmp_path / "serial").write_text("07\n")

    def answer(asked: bytes) -> bytes:
        (tmp_path / "request").write_bytes(asked)
        words = ("ts", "-reply", "-config", "tsa.cnf", "-queryfile", "request", "-out", "answer")
        subprocess.run(["openssl", *words], cwd=tmp_path, check=True, capture_output=True)
        return (tmp_path / "answer").read_bytes()

    return answer


def test_a_stamp_shows_when_a_checkpoint_was_there(ask: Ask, tmp_path: Path) -> None:
    """The authority's instant, its policy and the number of the stamp."""
    before = datetime.now(UTC).replace(microsecond=0)
    stamp = stamped(NOTE, ask(request(NOTE)), [(tmp_path / "root.pem").read_bytes()])
    assert before <= stamp.at <= datetime.now(UTC)
    assert (stamp.policy, stamp.serial) == ("1.2.3.4.1", 8)


def test_sets_may_be_in_any_order(ask: Ask, tmp_path: Path) -> None:
    """Certificates and signed attributes as an authority has them, not as DER sorts them."""
    answer, roots = ask(request(NOTE)), [(tmp_path / "root.pem").read_bytes()]
    signer, root = (
        x509.load_pem_x509_certificate((tmp_path / name).read_bytes()).public_bytes(Encoding.DER)
        for name in ("signer.pem", "root.pem")
    )
    first, second = sorted((signer, root))
    turned = answer.replace(first + second, second + first)
    of_time, of_digest = (bytes.fromhex(f"06092a864886f70d0109{n:02x}") for n in (5, 4))
    at, then = turned.index(of_time) - 2, turned.index(of_digest) - 2
    end = then + 2 + turned[then + 1]
    assert at + 2 + turned[at + 1] == then
    turned = turned[:at] + turned[then:end] + turned[at:then] + turned[end:]
    assert turned.count(second + first) == 1
    assert stamped(NOTE, turned, roots) == stamped(NOTE, answer, roots)


def test_a_request_is_the_same_each_time() -> None:
    """It holds the hash of the checkpoint and nothing of its own."""
    assert request(NOTE) == request(NOTE) != request(NOTE + b"\n")


def test_a_stamp_of_another_checkpoint_is_none(ask: Ask, tmp_path: Path) -> None:
    """The answer names the bytes that it is of."""
    roots = [(tmp_path / "root.pem").read_bytes()]
    with pytest.raises(NotShown, match="of other bytes"):
        stamped(NOTE + b"x", ask(request(NOTE)), roots)


def test_a_strangers_stamp_is_none(ask: Ask, tmp_path: Path) -> None:
    """Whom one does not trust shows nothing; nor does it if nobody is named."""
    answer = ask(request(NOTE))
    with pytest.raises(NotShown, match="no authority given vouches"):
        stamped(NOTE, answer, [(tmp_path / "stranger.pem").read_bytes()])
    with pytest.raises(NotShown, match="no authority is given"):
        stamped(NOTE, answer, [])


def test_a_changed_stamp_is_none(ask: Ask, tmp_path: Path) -> None:
    """Whatever byte of the signed instant, or of the signature, was changed."""
    answer, roots = ask(request(NOTE)), [(tmp_path / "root.pem").read_bytes()]
    year = answer.index(str(datetime.now(UTC).year).encode())
    for at in (year + 3, len(answer) - 1):
        changed = answer[:at] + bytes([answer[at] ^ 1]) + answer[at + 1 :]
        with pytest.raises(NotShown):
            stamped(NOTE, changed, roots)


def test_what_is_no_stamp_is_named(ask: Ask, tmp_path: Path) -> None:
    """A text, half an answer, a refusal, a file without certificates."""
    answer, roots = ask(request(NOTE)), [(tmp_path / "root.pem").read_bytes()]
    for wrong in (b"", b"hello", answer[: len(answer) // 2], ask(b"hello")):
        with pytest.raises(NotShown, match=r"no time stamp, or a refusal|vouches"):
            stamped(NOTE, wrong, roots)
    with pytest.raises(NotShown, match="no certificate in PEM"):
        stamped(NOTE, answer, [b"hello"])


def test_the_commands_write_a_request_and_read_the_answer(
    ask: Ask, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """From the checkpoint's file to the authority and back; a stranger's word is refused."""
    note, asked, answer = (tmp_path / name for name in ("note", "note.tsq", "note.tsr"))
    note.write_bytes(NOTE)
    assert main(["checkpoint", "stamp-request", str(note), "--out", str(asked)]) == 0
    answer.write_bytes(ask(asked.read_bytes()))
    check = ["checkpoint", "stamp-check", str(note), str(answer), "--authority"]
    assert main([*check, str(tmp_path / "root.pem")]) == 0
    assert "the checkpoint was there at 20" in capsys.readouterr().out
    assert main([*check, str(tmp_path / "stranger.pem")]) == 1
    assert "no authority given vouches" in capsys.readouterr().err
    note.write_bytes(NOTE.replace(b"17", b"18"))
    assert main([*check, str(tmp_path / "root.pem")]) == 1
    assert "other bytes than this checkpoint" in capsys.readouterr().err
