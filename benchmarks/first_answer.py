"""Searches for a station every 5 ms, and prints the monotonic time of the first answer: first_answer.py INTERFACE"""

import socket
import sys
import time

from v2g.v2gtp.sdp import MULTICAST, PORT, SdpRequest

INTERVAL_S = 0.005


def main(interface: str) -> None:
    scope = socket.if_nametoindex(interface)
    with socket.socket(socket.AF_INET6, socket.SOCK_DGRAM) as udp:
        udp.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_MULTICAST_IF, scope)
        udp.settimeout(INTERVAL_S)
        print("searching", flush=True)
        while True:
            udp.sendto(SdpRequest().pack(), (str(MULTICAST), PORT, 0, scope))
            try:
                udp.recv(1500)
            except TimeoutError:
                continue
            print(time.monotonic())
            return


if __name__ == "__main__":
    main(sys.argv[1])
