"""Downloads from a real server: whole and with the promised digest, or not at all."""

from __future__ import annotations

import fcntl
import os
import resource
import signal
import ssl
import time
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from hashlib import sha256
from ipaddress import ip_address
from typing import TYPE_CHECKING, Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from generator.artifacts.download import download
from generator.artifacts.transfer import DigestMismatch, DownloadFailed, Source
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


@pytest.mark.parametrize("kind", ["link", "dangling link", "hard link", "folder", "pipe"])
def test_what_has_come_is_never_written_through_a_link(server: FileServer, tmp_path: Path, kind: str) -> None:
    """Whoever plants one would have any file of ours overwritten, by root above all."""
    server.files["/f"] = Behaviour(BODY)
    victim, part = tmp_path / "victim", tmp_path / "f.part"
    victim.write_text("precious")
    match kind:
        case "link":
            part.symlink_to(victim)
        case "dangling link":
            part.symlink_to(tmp_path / "made")
        case "hard link":
            part.hardlink_to(victim)
        case "folder":
            part.mkdir()
        case _:
            os.mkfifo(part)
    with pytest.raises(DownloadFailed, match=r"f\.part is in the way"):
        bring(f"{server.url}/f", tmp_path / "f")
    assert victim.read_text() == "precious"
    assert not (tmp_path / "made").exists()


@pytest.mark.parametrize("lines", [None, (), ("Transfer-Encoding: identity",)])
def test_what_is_too_large_does_not_fill_the_disk(
    server: FileServer, tmp_path: Path, lines: tuple[str, ...] | None
) -> None:
    """By its declared length at once, else when the limit has come; a next run begins anew."""
    server.files["/f"] = Behaviour(BODY, lines=lines)
    source = Source(f"{server.url}/f", digest(BODY), 5, most_bytes=300_000)
    with pytest.raises(DownloadFailed, match="is larger than 300000 bytes"):
        download(source, tmp_path / "f", lambda _here, _total: None, pause_s=0)
    assert (tmp_path / "f.part").stat().st_size == 0
    assert len(server.asked) == 1


def test_a_full_disk_is_foreseen(server: FileServer, tmp_path: Path) -> None:
    """Where the server says how much it is."""
    server.files["/f"] = Behaviour(BODY, lines=(f"Content-Length: {1 << 55}",))
    source = Source(f"{server.url}/f", digest(BODY), 5, most_bytes=1 << 56)
    with pytest.raises(DownloadFailed, match=f"needs {1 << 35} MiB, and .* has [0-9]+ MiB free"):
        download(source, tmp_path / "f", lambda _here, _total: None, pause_s=0)


def test_a_full_disk_is_said(server: FileServer, tmp_path: Path) -> None:
    """In the system's words; the limit of a file's size stands for the disk."""
    server.files["/f"] = Behaviour(BODY)
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    handler = signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_FSIZE, (100_000, before[1]))
    try:
        with pytest.raises(DownloadFailed, match=r"cannot write .*f: File too large"):
            bring(f"{server.url}/f", tmp_path / "f")
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
        signal.signal(signal.SIGXFSZ, handler)
    bring(f"{server.url}/f", tmp_path / "f")


@pytest.mark.parametrize("hostile", [{"drips_s": 0.05}, {"head_drips_s": 0.05}])
def test_a_server_that_never_stops_is_left(
    server: FileServer, tmp_path: Path, hostile: dict[str, Any]
) -> None:
    """A byte now and then is no silence, but it has to end."""
    server.files["/f"] = Behaviour(BODY, lines=(), **hostile)
    source = Source(f"{server.url}/f", digest(BODY), 5, most_s=0.4)
    begun = time.monotonic()
    with pytest.raises(DownloadFailed, match=r"did not come in 0\.4 s"):
        download(source, tmp_path / "f", lambda _here, _total: None, pause_s=0)
    assert time.monotonic() - begun < 4


@pytest.mark.parametrize(
    ("moved", "words"),
    [
        ("file:///etc/passwd", "neither http nor https"),
        ("gopher://x/?token=to-ken", "neither http nor https"),
        ("ftp://127.0.0.1/f", "neither http nor https"),
        ("http://[::1", "no usable address"),
        ("http://127.0.0.1:99999999/?token=to-ken", "no usable address"),
        ("https:///f", "no usable address"),
        ("http://robot:to-ken@127.0.0.1:1/f", "an address with a password"),
        ("/f", "leads on more than 10 times"),
        ("", "no usable address"),
        ("http://a b/f?token=to-ken", "usable address"),
        ("http://" + "a" * 300 + ".invalid/?token=to-ken", "cannot download"),
        ("/g\N{LATIN SMALL LETTER E WITH ACUTE}", "404"),
    ],
)
def test_odd_redirects_are_refused_in_words(
    server: FileServer, tmp_path: Path, moved: str, words: str
) -> None:
    """Loops, other schemes, nonsense; the token of the address is in no message."""
    server.files["/f?token=to-ken"] = Behaviour(moved=moved)
    server.files["/f"] = Behaviour(moved="/f?token=to-ken")
    with pytest.raises(DownloadFailed, match=words) as caught:
        bring(f"{server.url}/f?token=to-ken", tmp_path / "f")
    assert "to-ken" not in f"{caught.value.message} {caught.value.hint}"


def test_a_redirect_from_https_to_http_is_refused(
    authority: Path, server: FileServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whoever listens there could hold the file back, or learn what is downloaded."""
    monkeypatch.setenv("SSL_CERT_FILE", str(authority))
    server.files["/f"] = Behaviour(BODY)
    tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    tls.load_cert_chain(authority)
    with FileServer(tls) as secure:
        secure.files["/f"] = Behaviour(moved=f"{server.url}/f")
        with pytest.raises(DownloadFailed, match="from https to http"):
            bring(f"{secure.url}/f", tmp_path / "f")
    assert server.asked == []


def test_the_proxys_password_follows_no_redirect(
    server: FileServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Past the proxy, it is no business of the server there."""
    monkeypatch.setenv("http_proxy", server.url.replace("//", "//robot:hunter22@"))
    monkeypatch.setenv("no_proxy", "127.0.0.1")
    with FileServer() as elsewhere:
        elsewhere.files["/f"] = Behaviour(BODY)
        server.files["http://files.invalid/f"] = Behaviour(moved=f"{elsewhere.url}/f")
        bring("http://files.invalid/f", tmp_path / "f")
        assert "Proxy-Authorization" in server.heads[0].title()
        assert [head for head in elsewhere.heads if "authorization" in head.lower()] == []


def test_a_password_with_escaped_letters_is_told_as_it_is(server: FileServer, tmp_path: Path) -> None:
    """An address cannot hold @ or / otherwise."""
    server.files["/f"] = Behaviour(BODY, login="robot:p@ss/")
    bring(server.url.replace("//", "//robot:p%40ss%2F@") + "/f", tmp_path / "f")
    assert (tmp_path / "f").read_bytes() == BODY


@pytest.mark.parametrize(
    "lines",
    [
        ("Content-Length: -5",),
        ("Content-Length: x",),
        (f"Content-Length: {'9' * 5000}",),
        ("Content-Length: 1e3",),
        ("Content-Length: \N{SUPERSCRIPT TWO}",),
        ("Content-Length: 5", f"Content-Length: {len(BODY)}"),
        ("Content-Length: 100",),
        (f"Content-Length: {len(BODY) + 1}",),
        ("Transfer-Encoding: chunked",),
        tuple(f"X-{number}: x" for number in range(200)),
        ("X: " + "x" * 70_000,),
        ("no header at all",),
    ],
)
def test_odd_heads_do_no_harm(server: FileServer, tmp_path: Path, lines: tuple[str, ...]) -> None:
    """The file comes, or words do, and the next good answer gives the file."""
    server.files["/f"] = Behaviour(BODY, lines=lines)
    with suppress(DownloadFailed, DigestMismatch):
        bring(f"{server.url}/f", tmp_path / "f")
        assert (tmp_path / "f").read_bytes() == BODY
    server.files["/f"] = Behaviour(BODY)
    bring(f"{server.url}/f", tmp_path / "f")
    assert (tmp_path / "f").read_bytes() == BODY


@pytest.mark.parametrize(
    ("status", "part"),
    [
        *((206, part) for part in ("bytes 7-9/10", "bytes */10", "nonsense", "bytes 300000-9/1e3", "")),
        (416, "bytes */7"),
    ],
)
def test_odd_ranges_do_no_harm(server: FileServer, tmp_path: Path, status: int, part: str) -> None:
    """Another part than was asked for: the whole is asked for, and taken only if it is whole."""
    server.files["/f"] = Behaviour(
        BODY, breaks=[300_000] * 2, status=status, lines=(f"Content-Range: {part}",)
    )
    (tmp_path / "f.part").write_bytes(BODY[:300_000])
    with pytest.raises((DownloadFailed, DigestMismatch)):
        bring(f"{server.url}/f", tmp_path / "f")
    assert not (tmp_path / "f").exists()
    server.files["/f"] = Behaviour(BODY)
    bring(f"{server.url}/f", tmp_path / "f")
    assert (tmp_path / "f").read_bytes() == BODY


@pytest.mark.parametrize("address", ["file:///dev/zero", "file:///nowhere/f", "file:///etc", "http://[::1/f"])
def test_odd_addresses_are_refused_in_words(tmp_path: Path, address: str) -> None:
    """A device or a pipe would be read for ever."""
    with pytest.raises((DownloadFailed, ValueError), match=r"cannot download|Invalid IPv6"):
        bring(address, tmp_path / "f")


def test_the_servers_words_are_not_repeated(server: FileServer, tmp_path: Path) -> None:
    """They may hold anything, what a terminal obeys included."""
    server.files["/f"] = Behaviour(codes=[404])
    with pytest.raises(DownloadFailed, match=r"the server says 404 Not Found$"):
        bring(f"{server.url}/f", tmp_path / "f")
