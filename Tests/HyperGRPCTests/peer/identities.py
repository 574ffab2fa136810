"""Certificates and pins as the reference node has them (PROTOCOL.md 4.2, 8.2)."""

import glob
import hashlib
import json
import ssl


def read(path):
    with open(path, "rb") as file:
        return file.read()


class Identities:
    """The certificates in a folder: root.pem, and NAME.crt with NAME.key for every operator; the JSON directory beside them."""

    def __init__(self, folder):
        self.folder = folder
        self.directory = f"{folder}/directory"

    def root(self):
        return read(f"{self.folder}/root.pem")

    def chain(self, name):
        return read(f"{self.folder}/{name}.crt")

    def key(self, name):
        return read(f"{self.folder}/{name}.key")

    def context(self, name, side):
        """A context of Python's own TLS for roles that are made by hand."""
        context = ssl.SSLContext(side)
        context.load_verify_locations(f"{self.folder}/root.pem")
        context.load_cert_chain(f"{self.folder}/{name}.crt", f"{self.folder}/{name}.key")
        if side == ssl.PROTOCOL_TLS_SERVER:
            context.verify_mode = ssl.CERT_REQUIRED
        return context

    def pins(self, name):
        """Every lookup reads and replays all files, like the reference node."""
        pins = []
        for path in sorted(glob.glob(f"{self.directory}/*.json")):
            for record in json.loads(read(path))["records"]:
                if record["name"] == name and record["section"] == "certificates":
                    pins = [item["fingerprint"] for item in record["data"] if item["key_usage"] == "encryption"]
        return pins

    def verified(self, names, pem):
        """Which of a certificate's names (common name, then DNS SANs) are pinned to it."""
        fingerprint = hashlib.sha256(ssl.PEM_cert_to_DER_cert(pem.decode())).hexdigest()
        return [name for name in dict.fromkeys(names) if fingerprint in self.pins(name)]
