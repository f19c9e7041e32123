"""Downloads from a real server: whole and with the promised digest, or not at all."""

from __future__ import annotations

import fcntl
import ssl
from datetime import UTC, datetime, timedelta
from hashlib import sha256
from ipaddress import ip_address
from typing import TYPE_CHECKING

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from generator.fetch.download import DigestMismatch, DownloadFailed, Source, download
from tests.fakes.file_server import Behaviour, FileServer

if TYPE_CHECKING:
    from pathlib import Path

BODY = bytes(range(256)) * 4096


def digest(body: bytes) -> str:
    """Return the SHA-256."""
    return sha256(body).hexdigest()


def bring(url: str, target: Path, body: bytes = BODY, timeout_s: float = 5) -> list[tuple[int, int | None]]:
    """Download without pauses; return the progress that was heard."""
    heard: list[tuple[int, int | None]] = []
    source = Source(url, digest(body), timeout_s)
    download(source, target, lambda here, total: heard.append((here, total)), pause_s=0)
    return heard


def test_a_file_comes_whole(server: FileServer, tmp_path: Path) -> None:
    """With its progress; nothing else is left in the folder."""
    server.files["/consul.zip"] = Behaviour(BODY)
    heard = bring(f"{server.url}/consul.zip", tmp_path / "consul.zip")
    assert (tmp_path / "consul.zip").read_bytes() == BODY
    assert heard[-1] == (len(BODY), len(BODY))
    assert [path.name for path in tmp_path.iterdir()] == ["consul.zip"]


def test_another_file_than_promised_is_refused(server: FileServer, tmp_path: Path) -> None:
    """Both digests are named, and nothing is kept."""
    server.files["/consul.zip"] = Behaviour(b"malware")
    with pytest.raises(DigestMismatch) as caught:
        bring(f"{server.url}/consul.zip", tmp_path / "consul.zip")
    assert digest(BODY) in caught.value.message
    assert digest(b"malware") in caught.value.message
    assert list(tmp_path.iterdir()) == []


def test_a_transfer_that_breaks_off_goes_on(server: FileServer, tmp_path: Path) -> None:
    """Only what is missing is asked for."""
    server.files["/f"] = Behaviour(BODY, breaks=[300_000, 400_000])
    bring(f"{server.url}/f", tmp_path / "f")
    assert (tmp_path / "f").read_bytes() == BODY
    assert [part for _, part in server.asked] == [None, "bytes=300000-", "bytes=700000-"]


def test_a_server_without_parts_begins_anew(server: FileServer, tmp_path: Path) -> None:
    """It sends the whole file whatever is asked for."""
    server.files["/f"] = Behaviour(BODY, breaks=[300_000], has_ranges=False)
    bring(f"{server.url}/f", tmp_path / "f")
    assert (tmp_path / "f").read_bytes() == BODY


def test_a_hopeless_transfer_keeps_what_has_come(server: FileServer, tmp_path: Path) -> None:
    """The next run goes on there."""
    server.files["/f"] = Behaviour(BODY, breaks=[1000] * 4)
    with pytest.raises(DownloadFailed, match=r"did not come in 4 attempts: .* 4000 of 1048576 bytes"):
        bring(f"{server.url}/f", tmp_path / "f")
    assert not (tmp_path / "f").exists()
    assert (tmp_path / "f.part").stat().st_size == 4000
    bring(f"{server.url}/f", tmp_path / "f")
    assert server.asked[-1] == ("/f", "bytes=4000-")
    assert (tmp_path / "f").read_bytes() == BODY


@pytest.mark.parametrize("rest", [b"of another file", BODY + b"more", BODY])
def test_what_is_left_of_another_transfer_harms_nothing(
    server: FileServer, tmp_path: Path, rest: bytes
) -> None:
    """Other bytes, too many bytes, or all of them already."""
    (tmp_path / "f.part").write_bytes(rest)
    server.files["/f"] = Behaviour(BODY)
    bring(f"{server.url}/f", tmp_path / "f")
    assert (tmp_path / "f").read_bytes() == BODY


def test_a_missing_file_is_said_at_once(server: FileServer, tmp_path: Path) -> None:
    """A second attempt would change nothing; the password of the address is not shown."""
    address = server.url.replace("//", "//robot:hunter22@")
    with pytest.raises(DownloadFailed, match="the server says 404 Not Found") as caught:
        bring(f"{address}/nothing?token=abcdef", tmp_path / "f")
    assert len(server.asked) == 1
    assert "hunter22" not in caught.value.message
    assert "abcdef" not in caught.value.message


def test_a_server_in_trouble_is_asked_again(server: FileServer, tmp_path: Path) -> None:
    """5xx and 429 pass."""
    server.files["/f"] = Behaviour(BODY, codes=[503, 429])
    bring(f"{server.url}/f", tmp_path / "f")
    assert len(server.asked) == 3


def test_a_silent_server_is_given_up(server: FileServer, tmp_path: Path) -> None:
    """After the time that the user allows."""
    server.files["/f"] = Behaviour(BODY, stalls=4)
    with pytest.raises(DownloadFailed, match=r"nothing came for 0\.1 s"):
        bring(f"{server.url}/f", tmp_path / "f", timeout_s=0.1)


def test_nobody_listens(tmp_path: Path) -> None:
    """In the system's words."""
    with FileServer() as gone:
        url = gone.url
    with pytest.raises(DownloadFailed, match="Connection refused"):
        bring(f"{url}/f", tmp_path / "f")


def test_two_at_once_do_not_mix(server: FileServer, tmp_path: Path) -> None:
    """The second one says so instead."""
    server.files["/f"] = Behaviour(BODY)
    with (tmp_path / "f.part").open("ab") as other:
        fcntl.flock(other, fcntl.LOCK_EX)
        with pytest.raises(DownloadFailed, match="another process is downloading f"):
            bring(f"{server.url}/f", tmp_path / "f")


def test_a_password_goes_to_its_own_server_only(server: FileServer, tmp_path: Path) -> None:
    """A mirror may demand one; where it sends us to must not learn it."""
    with FileServer() as elsewhere:
        elsewhere.files["/f"] = Behaviour(BODY)
        server.files["/f"] = Behaviour(login="robot:hunter22", moved=f"{elsewhere.url}/f")
        bring(server.url.replace("//", "//robot:hunter22@") + "/f", tmp_path / "f")
        assert elsewhere.logins == [None]
    assert (tmp_path / "f").read_bytes() == BODY


def test_a_proxy_is_used(server: FileServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """As every program of the machine does: by HTTP_PROXY."""
    monkeypatch.setenv("http_proxy", server.url)
    server.files["http://files.invalid/f"] = Behaviour(BODY)
    bring("http://files.invalid/f", tmp_path / "f")
    assert server.asked == [("http://files.invalid/f", None)]


def test_a_file_of_this_machine_is_taken(tmp_path: Path) -> None:
    """A share that is mounted serves as well."""
    (tmp_path / "share").write_bytes(BODY)
    bring(f"file://{tmp_path}/share", tmp_path / "f")
    assert (tmp_path / "f").read_bytes() == BODY


@pytest.fixture(scope="module")
def authority(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a certificate of 127.0.0.1, signed by itself, with its key in the same file."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "proxy of the closed network")])
    now = datetime.now(UTC)
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(1)
        .not_valid_before(now - timedelta(hours=1))
        .not_valid_after(now + timedelta(hours=1))
        .add_extension(x509.SubjectAlternativeName([x509.IPAddress(ip_address("127.0.0.1"))]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    path = tmp_path_factory.mktemp("tls") / "server.pem"
    path.write_bytes(
        certificate.public_bytes(serialization.Encoding.PEM)
        + key.private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.NoEncryption(),
        )
    )
    return path


def test_only_a_trusted_server_is_believed(
    authority: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A closed network's own authority is named by SSL_CERT_FILE; without it the message says so."""
    tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    tls.load_cert_chain(authority)
    with FileServer(tls) as server:
        server.files["/f"] = Behaviour(BODY)
        with pytest.raises(DownloadFailed, match="its certificate is not trusted") as caught:
            bring(f"{server.url}/f", tmp_path / "f")
        assert "SSL_CERT_FILE" in (caught.value.hint or "")
        monkeypatch.setenv("SSL_CERT_FILE", str(authority))
        bring(f"{server.url}/f", tmp_path / "f")
    assert (tmp_path / "f").read_bytes() == BODY
