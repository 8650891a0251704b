"""The openings as rules: for nftables, and for iptables and ip6tables."""

from collections.abc import Iterator
from ipaddress import ip_address, ip_network

from v2g.harden.openings import Opening

RATE = "20/second"
BURST = 40
_ICMP_IN = ("nd-neighbor-solicit", "nd-neighbor-advert", "echo-request")
_ICMP_OUT = ("nd-neighbor-solicit", "nd-neighbor-advert", "nd-router-solicit", "mld2-listener-report")


def nftables(openings: tuple[Opening, ...], cars: tuple[str, ...]) -> str:
    """A file for `nft -f` that replaces the table `inet v2g` and touches no other."""
    ins = "\n".join(f"        {_nft(each)}" for each in openings if each.inward)
    outs = "\n".join(f"        {_nft(each)}" for each in openings if not each.inward)
    outside = f"iifname != {_nft_set(cars)} " if cars else ""
    return f"""\
#!/usr/sbin/nft -f
# Written by `v2g harden` from the station's configuration: edit that, then `v2g harden apply firewall`.

table inet v2g
delete table inet v2g
table inet v2g {{
    chain input {{
        type filter hook input priority filter; policy drop;
        iifname "lo" accept
        ct state established,related accept
        ct state invalid drop
        # Neighbour discovery, without which there is no IPv6. Router advertisements never from a car.
        icmpv6 type {{ {", ".join(_ICMP_IN)} }} accept
        {outside}icmpv6 type nd-router-advert accept
        icmp type echo-request accept
{ins}
    }}

    # What comes from a car never goes further.
    chain forward {{
        type filter hook forward priority filter; policy drop;
    }}

    chain output {{
        type filter hook output priority filter; policy drop;
        oifname "lo" accept
        ct state established,related accept
        icmpv6 type {{ {", ".join(_ICMP_OUT)} }} accept
{outs}
    }}
}}
"""


def _nft(opening: Opening) -> str:
    side = "i" if opening.inward else "o"
    words = []
    if opening.interface is not None:
        words.append(f'{side}ifname "{opening.interface}"')
    elif opening.beside:
        words.append(f"{side}ifname != {_nft_set(opening.beside)}")
    for name, address in (("saddr", opening.source), ("daddr", opening.destination)):
        if address is not None:
            words.append(f"{'ip6' if _is_v6(address) else 'ip'} {name} {address}")
    first, last = opening.ports
    port = str(first) if first == last else f"{first}-{last}"
    words.append(f"{opening.protocol} {'sport' if opening.answers else 'dport'} {port}")
    if opening.limited:
        words.append(f"ct state new limit rate {RATE} burst {BURST} packets")
    return " ".join([*words, "accept", f'comment "{opening.purpose}"'])


def _nft_set(names: tuple[str, ...]) -> str:
    return "{ " + ", ".join(f'"{name}"' for name in names) + " }"


def iptables(openings: tuple[Opening, ...], cars: tuple[str, ...], *, v6: bool) -> str:
    """A file for `iptables-restore`, or with `v6` for `ip6tables-restore`. It replaces the table `filter`."""
    rules = [
        "-A INPUT -i lo -j ACCEPT",
        "-A INPUT -m conntrack --ctstate RELATED,ESTABLISHED -j ACCEPT",
        "-A INPUT -m conntrack --ctstate INVALID -j DROP",
        "-A OUTPUT -o lo -j ACCEPT",
        "-A OUTPUT -m conntrack --ctstate RELATED,ESTABLISHED -j ACCEPT",
    ]
    if v6:
        # Neighbour solicitation 135 and advertisement 136, echo request 128; router solicitation 133, MLDv2 report 143.
        rules += [f"-A INPUT -p ipv6-icmp -m icmp6 --icmpv6-type {kind} -j ACCEPT" for kind in (135, 136, 128)]
        rules += [f"-A INPUT -i {name} -p ipv6-icmp -m icmp6 --icmpv6-type 134 -j DROP" for name in cars]
        rules.append("-A INPUT -p ipv6-icmp -m icmp6 --icmpv6-type 134 -j ACCEPT")
        rules += [f"-A OUTPUT -p ipv6-icmp -m icmp6 --icmpv6-type {kind} -j ACCEPT" for kind in (135, 136, 133, 143)]
    else:
        rules.append("-A INPUT -p icmp -m icmp --icmp-type 8 -j ACCEPT")
    rules += [rule for opening in openings for rule in _iptables(opening, v6)]
    return "\n".join(
        [
            "# Written by `v2g harden` from the station's configuration.",
            "*filter",
            *(f":{chain} DROP [0:0]" for chain in ("INPUT", "FORWARD", "OUTPUT")),
            *rules,
            "COMMIT",
            "",
        ]
    )


def _iptables(opening: Opening, v6: bool) -> Iterator[str]:
    """The rules of an opening in one of the two families; none if it belongs to the other."""
    addresses = [each for each in (opening.source, opening.destination) if each is not None]
    if any(_is_v6(each) is not v6 for each in addresses):
        return
    chain, side = ("INPUT", "i") if opening.inward else ("OUTPUT", "o")
    first, last = opening.ports
    ports = str(first) if first == last else f"{first}:{last}"
    match = [f"-p {opening.protocol} -m {opening.protocol} --{'sport' if opening.answers else 'dport'} {ports}"]
    for option, address in (("-s", opening.source), ("-d", opening.destination)):
        if address is not None:
            match.insert(0, f"{option} {ip_network(address, strict=False)}")
    # A `-i` takes one name, so what must not pass at an interface is dropped before.
    for name in () if opening.interface else opening.beside:
        yield " ".join([f"-A {chain}", *match[:-1], f"-{side} {name}", match[-1], "-j DROP"])
    if opening.interface:
        match.insert(len(match) - 1, f"-{side} {opening.interface}")
    if opening.limited:
        match.append(f"-m conntrack --ctstate NEW -m limit --limit {RATE.removesuffix('ond')} --limit-burst {BURST}")
    match.append(f'-m comment --comment "{opening.purpose}"')
    yield " ".join([f"-A {chain}", *match, "-j ACCEPT"])


def _is_v6(address: str) -> bool:
    return ip_address(address.partition("/")[0]).version == 6
