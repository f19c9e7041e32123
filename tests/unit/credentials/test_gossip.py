"""The gossip key of a running cluster, out of what its machines have on disk."""

from __future__ import annotations

import pytest

from generator.credentials.gossip import read_gossip_key
from generator.errors import InputInvalid

KEY = "pUqJrVyVRj5jsiYEkM/tFQYfWyJIv4s3XkvDwy7Cu5s="
OTHER = "N2yHBuCJcTvNmF1Vh5vQUpFtFYtkVMqFY3dbF0D3zVY="


@pytest.mark.parametrize(
    "text",
    [
        f'encrypt = "{KEY}"',
        f'datacenter = "sirius"\n  encrypt   =   "{KEY}" # from keygen\nretry_join = ["a"]\n',
        f'ports {{\n  http = 8500\n}}\nencrypt = "{KEY}"\nserver = true\n',
        f'# encrypt = "{OTHER}"\nencrypt = "{KEY}"\n',
        f'/*\nencrypt = "{OTHER}"\n*/\nencrypt = "{KEY}"\n',
        f'"encrypt" = "{KEY}"\nserver = true',
        f'encrypt: "{KEY}"\n',
        f'{{"datacenter": "sirius", "encrypt": "{KEY}"}}',
        f'{{\n  "encrypt": "{KEY}",\n  "server": true,\n}}\n',
        f'["{KEY}"]',
        f'[\n  "{KEY}",\n  "{OTHER}"\n]',
        f'\ufeffencrypt = "{KEY}"\r\nserver = true\r\n',
        f'encrypt = "{KEY}"\nencrypt = "{KEY}"\nserver = yes ? no',
    ],
)
def test_key_is_found(text: str) -> None:
    """HCL in both generations, JSON, and serf's keyring, whose first key is in use."""
    assert read_gossip_key(text.encode()) == KEY


@pytest.mark.parametrize("key", ["AAAAAAAAAAAAAAAAAAAAAA==", "A" * 32])
def test_short_keys_of_running_clusters_are_taken(key: str) -> None:
    """16 and 24 bytes: AES-128 and AES-192; check_bundle warns of them."""
    assert read_gossip_key(f'encrypt = "{key}"'.encode()) == key


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (b"", "holds no gossip key"),
        (b"\xff\xfeSENTINEL", "is not text"),
        (b'datacenter = "SENTINEL"', "holds no gossip key"),
        (b'{"datacenter": "SENTINEL"}', "holds no gossip key"),
        (b'{"encrypt": 12}', "holds no gossip key"),
        (b"[]", "holds no gossip key"),
        (b"12", "holds no gossip key"),
        (f'# encrypt = "{OTHER}"\n'.encode(), "holds no gossip key"),
        (b'encrypt = "SENTINEL"', "is not 16, 24 or 32 bytes"),
        (b'["SENTINEL!"]', "is not 16, 24 or 32 bytes"),
        (b'[["SENTINEL"]]', "is not 16, 24 or 32 bytes"),
        (b"encrypt = SENTINEL", "holds no gossip key|is not 16"),
        (f'x y\nencrypt = "{KEY}"\nencrypt = "{OTHER}"\n'.encode(), "several different gossip keys"),
        (b"[" * 100_000, "holds no gossip key"),
    ],
)
def test_what_holds_no_key_is_refused_without_repeating_it(text: bytes, message: str) -> None:
    """The file may hold tokens, too."""
    with pytest.raises(InputInvalid, match=message) as caught:
        read_gossip_key(text)
    assert caught.value.exit_code == 1
    for secret in ("SENTINEL", KEY, OTHER):
        assert secret not in f"{caught.value!r} {caught.value} {caught.value.hint}"


def test_trap_of_the_original_token_is_not_the_key() -> None:
    """The original put the gossip key into consul-token; only `encrypt` counts."""
    with pytest.raises(InputInvalid, match="holds no gossip key"):
        read_gossip_key(f'consul-token = "{KEY}"\n'.encode())
