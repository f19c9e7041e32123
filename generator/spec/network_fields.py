"""Field types of the spec about networks: names, addresses, cards, ports.

Messages are shown to users as they stand, so they name the rule, not the failure.
"""

from __future__ import annotations

import re
from ipaddress import IPv4Address, IPv4Network
from typing import Annotated, Any

from pydantic import AfterValidator, BeforeValidator, Field, StrictInt, StrictStr, WithJsonSchema

from generator.spec.fields import DNS_LABEL
from generator.spec.matching import Matching

DOMAIN = re.compile(rf"(?=.{{1,253}}$){DNS_LABEL.pattern}(\.{DNS_LABEL.pattern})*")
INTERFACE = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]{0,14}")
MADE = {
    "the loopback": re.compile(r"lo"),
    "a bond": re.compile(r"bond[0-9]*"),
    "a team": re.compile(r"team[0-9]*"),
    "a bridge": re.compile(r"(br|virbr|docker)[0-9]*|br-.*"),
    "a VLAN": re.compile(r"vlan[0-9]*|.*\.[0-9]+"),
    "a tunnel": re.compile(r"(ip6tnl|sit|tunl?|vxlan|wg)[0-9]*"),
    "a virtual device": re.compile(r"(dummy|ifb|macvlan|tap|veth)[0-9]*"),
}
"""Interfaces that the system makes out of others, by their usual names."""
DOTTED = re.compile(r"[0-9.]+")
MAC = re.compile(r"[0-9a-f]{2}(:[0-9a-f]{2}){5}")


def _parse_address(value: Any) -> Any:
    if isinstance(value, IPv4Address):
        return value
    if isinstance(value, str) and ":" in value:
        raise ValueError("must be an IPv4 address; IPv6 is not supported")
    try:
        # Through text: the class would take a number as an address.
        return IPv4Address(str(value))
    except ValueError:
        raise ValueError("must be an IPv4 address such as 192.168.11.181") from None


def _parse_network(value: Any) -> Any:
    if isinstance(value, IPv4Network):
        return value
    if not isinstance(value, str) or "/" not in value:
        raise ValueError("must be an IPv4 network such as 192.168.11.0/24")
    if ":" in value:
        raise ValueError("must be an IPv4 network; IPv6 is not supported")
    try:
        return IPv4Network(value)
    except ValueError:
        pass
    try:
        meant = IPv4Network(value, strict=False)
    except ValueError:
        raise ValueError("must be an IPv4 network such as 192.168.11.0/24") from None
    raise ValueError(f"has host bits set; the network is {meant}")


def _parse_mac(value: Any) -> Any:
    lowered = str(value).lower().replace("-", ":")
    if not MAC.fullmatch(lowered):
        raise ValueError('must be a MAC address such as "52:54:00:12:34:56"')
    if int(lowered[:2], 16) & 1:
        raise ValueError("is a multicast address; a network card has a unicast one")
    return lowered


def _parse_time_server(value: Any) -> Any:
    if isinstance(value, IPv4Address):
        return value
    if not isinstance(value, str) or not DOMAIN.fullmatch(value):
        raise ValueError("must be an IPv4 address or a domain name such as ntp.example.org")
    # What looks like an address must be one: 10.0.0.256 is a valid domain name.
    return _parse_address(value) if DOTTED.fullmatch(value) else value


def _check_dhcp_range(value: Any) -> Any:
    rule = "must be a range of two IPv4 addresses such as 192.168.11.100-192.168.11.150"
    try:
        first, last = (IPv4Address(part) for part in str(value).split("-"))
    except ValueError:
        raise ValueError(rule) from None
    if first > last:
        raise ValueError("ends before it begins; swap the two addresses")
    return value


def _check_card(value: str) -> str:
    """Refuse what is no card: nothing in a spec defines it, and the machine would have no network."""
    kind = next((kind for kind, pattern in MADE.items() if pattern.fullmatch(value)), None)
    if kind is not None:
        raise ValueError(f"must be a network card; {value} names {kind}, and a spec cannot define one yet")
    return value


DnsLabel = Annotated[
    StrictStr,
    Matching(
        DNS_LABEL,
        "must be a DNS label: lower-case letters, digits and inner hyphens, at most 63",
    ),
]
DnsName = Annotated[StrictStr, Matching(DOMAIN, "must be a domain name of DNS labels joined by dots")]
InterfaceName = Annotated[
    StrictStr,
    AfterValidator(_check_card),
    Matching(INTERFACE, "must be a network interface name such as enp0s8, at most 15"),
]
OCTET = "(25[0-5]|2[0-4][0-9]|1[0-9]{2}|[1-9]?[0-9])"
IPV4_PATTERN = rf"{OCTET}(\.{OCTET}){{3}}"
"""For JSON Schema only; addresses are read by the ipaddress module."""

Address = Annotated[
    IPv4Address,
    BeforeValidator(_parse_address),
    WithJsonSchema({"type": "string", "format": "ipv4", "pattern": f"^{IPV4_PATTERN}$"}),
]
Network = Annotated[
    IPv4Network,
    BeforeValidator(_parse_network),
    WithJsonSchema({"type": "string", "pattern": f"^{IPV4_PATTERN}/(3[0-2]|[12]?[0-9])$"}),
]
DhcpRange = Annotated[
    str,
    BeforeValidator(_check_dhcp_range),
    WithJsonSchema({"type": "string", "pattern": f"^{IPV4_PATTERN}-{IPV4_PATTERN}$"}),
]
MacAddress = Annotated[
    str,
    BeforeValidator(_parse_mac),
    WithJsonSchema(
        {
            "type": "string",
            "pattern": "^[0-9A-Fa-f][02468ACEace]([:-][0-9A-Fa-f]{2}){5}$",
            "examples": ["52:54:00:12:34:56"],
        }
    ),
]
TimeServer = Annotated[
    IPv4Address | str,
    BeforeValidator(_parse_time_server),
    WithJsonSchema({"type": "string", "pattern": f"^{DOMAIN.pattern}$"}),
]
Port = Annotated[StrictInt, Field(ge=1, le=65535)]
