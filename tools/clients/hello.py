"""Reads a ClientHello in the plainest way, without looking for mistakes: a second opinion beside the reader in Sources/ClientHello."""


class Hello:
    """The first handshake message in `data`, a ClientHello; `size` bytes of `data` carried it."""

    def __init__(self, data):
        message, self.size, self.records = b"", 0, 0
        while len(message) < 4 or len(message) < 4 + int.from_bytes(message[1:4], "big"):
            header = data[self.size:self.size + 5]
            if len(header) < 5 or header[0] != 22:
                raise ValueError("no complete hello")
            length = int.from_bytes(header[3:5], "big")
            message += data[self.size + 5:self.size + 5 + length]
            self.size += 5 + length
            self.records += 1
        if message[0] != 1 or len(data) < self.size:
            raise ValueError("no complete hello")
        self.message_bytes = len(message)
        self.extensions = dict(self.read_extensions(message))
        self.legacy_version = int.from_bytes(message[4:6], "big")

    @staticmethod
    def read_extensions(message):
        at = 38
        at += 1 + message[at]
        at += 2 + int.from_bytes(message[at:at + 2], "big")
        at += 1 + message[at]
        at += 2
        while at + 4 <= len(message):
            kind, length = int.from_bytes(message[at:at + 2], "big"), int.from_bytes(message[at + 2:at + 4], "big")
            yield kind, message[at + 4:at + 4 + length]
            at += 4 + length

    @property
    def server_name(self):
        return self.extensions[0][5:].decode() if 0 in self.extensions else None

    @property
    def alpn(self):
        found, data = [], self.extensions.get(16, b"")[2:]
        while data:
            found.append(data[1:1 + data[0]])
            data = data[1 + data[0]:]
        # Ids are bytes (RFC 7301 3.1): one character each, also where they are no text.
        return [protocol.decode("latin-1") for protocol in found]

    @property
    def version(self):
        listed = self.extensions.get(43, b"")[1:]
        versions = [int.from_bytes(listed[at:at + 2], "big") for at in range(0, len(listed), 2)]
        return max([version for version in versions if version >> 8 == 3] or [min(self.legacy_version, 0x0303)])

    @property
    def has_ech(self):
        return 0xFE0D in self.extensions

    @property
    def key_shares(self):
        """Groups for which a key share is there; 0x11EC is X25519MLKEM768."""
        found, data = [], self.extensions.get(51, b"")[2:]
        while data:
            found.append(int.from_bytes(data[:2], "big"))
            data = data[4 + int.from_bytes(data[2:4], "big"):]
        return found


def second_hello(data):
    """The bytes from the second ClientHello on: behind the first one, and behind a change_cipher_spec (RFC 8446 D.4)."""
    rest = data[Hello(data).size:]
    if rest[:1] == b"\x14":
        rest = rest[5 + int.from_bytes(rest[3:5], "big"):]
    return rest
