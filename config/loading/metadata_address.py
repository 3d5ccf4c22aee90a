"""Detection of URLs of a cloud's metadata service, which returns credentials to any process on the machine."""

import socket
import unicodedata
from ipaddress import IPv4Address, IPv6Address, ip_address, ip_network
from urllib.parse import unquote, urlsplit

NAMES = frozenset({
    "metadata", "metadata.google.internal", "metadata.goog", "instance-data", "instance-data.ec2.internal",
    "metadata.azure.internal", "metadata.tencentyun.com", "api.metadata.cloud.ibm.com",
})
NETWORKS = tuple(ip_network(each) for each in (
    "169.254.0.0/16",         # link-local: 169.254.169.254 of most clouds, 169.254.170.2 and .23 of AWS containers
    "fe80::/10",              # link-local
    "fd00:ec2::/32",          # AWS
    "fd20:ce::254/128",       # Google
    "100.100.100.200/32",     # Alibaba
    "168.63.129.16/32",       # Azure
    "192.0.0.192/32",         # Oracle
))
EMBEDDING = (ip_network("64:ff9b::/96"), ip_network("::/96"))
"""NAT64, and addresses compatible with IPv4: the last 32 bits are an IPv4 address."""

DOTS = str.maketrans(dict.fromkeys("\u3002\uff0e\uff61", "."))
"""Characters that resolvers of internationalised names read as a dot."""


def leads_to_metadata(url: str) -> bool:
    """Return whether the host is a metadata service or link-local, in any notation. No name is looked up."""
    try:
        host = unquote(urlsplit(url).hostname or "")
    except ValueError:
        return False
    host = unicodedata.normalize("NFKC", host.translate(DOTS)).translate(DOTS).rstrip(".").casefold().partition("%")[0]
    return host in NAMES or any(address in network for address in _addresses(host) for network in NETWORKS)


def _addresses(host: str) -> list[IPv4Address | IPv6Address]:
    """Return the address of a host, and every address embedded in it; none for a name."""
    try:
        address = ip_address(host)
    except ValueError:
        try:
            return [IPv4Address(socket.inet_aton(host))]  # 2852039166, 0xa9fea9fe, 0251.0376.43518
        except OSError:
            return []
    if isinstance(address, IPv4Address):
        return [address]
    embedded = [IPv4Address(int(address) & 0xFFFF_FFFF)] if any(address in network for network in EMBEDDING) else []
    teredo = address.teredo or ()
    return [address, *embedded, *(each for each in (address.ipv4_mapped, address.sixtofour, *teredo) if each is not None)]
