"""A server that does nothing but answer: how fast the client could be."""

from __future__ import annotations

import selectors
import socket
import sys

from bench import cores

_ANSWER = b"HTTP/1.1 200 OK\r\nContent-Type: text/html\r\nContent-Length: 2048\r\n\r\n" + b"." * 2048


def serve(port: int) -> None:
    with socket.create_server(("127.0.0.1", port)) as listening, selectors.DefaultSelector() as selector:
        selector.register(listening, selectors.EVENT_READ)
        while True:
            for key, _ in selector.select():
                if key.fileobj is listening:
                    selector.register(listening.accept()[0], selectors.EVENT_READ)
                    continue
                asked = key.fileobj
                assert isinstance(asked, socket.socket)
                if asked.recv(1 << 16):
                    asked.sendall(_ANSWER)
                else:
                    selector.unregister(asked)
                    asked.close()


if __name__ == "__main__":
    cores.stay_on(cores.cores()[0])
    serve(int(sys.argv[1]))
