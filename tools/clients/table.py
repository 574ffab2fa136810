"""The real clients: what each is, what it needs, and how it asks for a page.

Every client asks `https://NAME:PORT/PATH`, with NAME leading to 127.0.0.1, trusts one root only, and prints the answer.
Light ones are in every continuous run; heavy ones are large to install.
"""
import dataclasses
import os
import pathlib
import re
import shlex
import shutil
import subprocess
import sys

here = pathlib.Path(__file__).resolve().parent
root = here.parent.parent
wheels_folder = root / ".build/clients"
# Packages of PyPI that bring a TLS library of their own, pinned.
pyopenssl, curl_cffi, uv = "pyOpenSSL==26.4.0 cryptography==50.0.2", "curl_cffi==0.16.3", "uv==0.13.9"


@dataclasses.dataclass
class Call:
    """One request: where to, and where a client may put files of its own."""

    name: str
    port: int
    ca: str
    folder: str
    # A proxy that carries CONNECT to 127.0.0.1 whatever the name, for clients that cannot be told an address.
    connect: str = ""
    path: str = "/jsonrpc"

    @property
    def url(self):
        return f"https://{self.name}:{self.port}{self.path}"

    @property
    def request(self):
        return f"GET {self.path} HTTP/1.1\r\nHost: {self.name}\r\nConnection: close\r\n\r\n"


@dataclasses.dataclass
class Client:
    key: str
    # How to ask for the version.
    version: list
    command: object
    # What must be there: a program, of a package of Debian, or packages of PyPI.
    program: str = ""
    package: str = ""
    wheel: str = ""
    heavy: bool = False
    environment: object = None
    # True where the request is to be written to the program's standard input.
    speaks: bool = False
    # What must stand in the output besides the answer, and how often.
    expects: tuple = ()
    # False where the client cannot be made to print the internal server's answer; then `expects` says what shows that it got one.
    is_served: bool = True

    @property
    def is_present(self):
        return interpreter(self.wheel).exists() if self.wheel else shutil.which(self.program) is not None

    def arguments(self, call):
        return [str(part) for part in self.command(call)]

    def environ(self, call):
        changes = self.environment(call) if self.environment else {}
        return {**{key: value for key, value in os.environ.items() if not key.lower().endswith("_proxy")}, **changes}

    def run(self, call, limit=60, input=None):
        """Runs it; returns status and everything it printed. A client that hangs counts as failed."""
        text = input if input is not None else (call.request.encode() if self.speaks else b"")
        try:
            done = subprocess.run(
                self.arguments(call), input=text, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, env=self.environ(call),
                cwd=call.folder, timeout=limit)
        except subprocess.TimeoutExpired as expired:
            return 124, (expired.stdout or b"").decode(errors="replace")
        return done.returncode, done.stdout.decode(errors="replace")

    def describe(self):
        """What it calls itself, for instance `curl 7.88.1`."""
        done = subprocess.run([str(part) for part in self.version], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, cwd=root)
        lines = done.stdout.decode(errors="replace").splitlines()
        return next((line.strip() for line in lines if re.search(r"\d\.\d", line)), "version unknown")[:70]


def interpreter(wheel):
    """The Python in which the package of a client from PyPI is installed."""
    return folder_of(wheel) / "bin/python"


def folder_of(wheel):
    """Its name says the version: a new pin is installed anew."""
    return wheels_folder / "-".join(re.findall(r"[A-Za-z0-9.]+", wheel))


def s_client(call, *more):
    return [
        "openssl", "s_client", "-connect", f"127.0.0.1:{call.port}", "-servername", call.name, "-CAfile", call.ca,
        "-verify_return_error", "-verify_hostname", call.name, "-ign_eof", *more,
    ]


def nss_database(call):
    """A database for NSS and Chromium that trusts the one root."""
    folder = pathlib.Path(call.folder) / ".pki/nssdb"
    if not folder.exists():
        folder.mkdir(parents=True)
        subprocess.run(["certutil", "-N", "-d", f"sql:{folder}", "--empty-password"], check=True)
        subprocess.run(["certutil", "-A", "-d", f"sql:{folder}", "-n", "root", "-t", "C,,", "-i", call.ca], check=True)
    return f"sql:{folder}"


def trust_store(call):
    """The same for Java."""
    store = pathlib.Path(call.folder) / "trust.p12"
    if not store.exists():
        subprocess.run(
            ["keytool", "-importcert", "-noprompt", "-alias", "root", "-file", call.ca, "-keystore", store, "-storetype", "PKCS12",
             "-storepass", "changeit"], check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    return store


def chromium(call, *more):
    nss_database(call)
    sandbox = ["--no-sandbox"] if os.geteuid() == 0 else []
    return [
        "chromium", "--headless=new", *sandbox, "--disable-gpu", "--disable-dev-shm-usage", "--no-first-run", "--disable-background-networking",
        "--disable-component-update", "--no-proxy-server", f"--user-data-dir={call.folder}/chromium",
        f"--host-resolver-rules=MAP {call.name} 127.0.0.1", "--timeout=20000", *more, call.url,
    ]


def in_home(call):
    return {"HOME": call.folder}


def by_connect(call):
    return {"https_proxy": call.connect, "HTTPS_PROXY": call.connect, "HOME": call.folder, "SSL_CERT_FILE": call.ca}


def wheel(package, script):
    """A client that is a script of ours over a package of PyPI."""
    def command(call):
        return [interpreter(package), here / script, call.name, call.port, call.ca, call.path]
    return command


openssl_version = ["openssl", "version"]

all = [
    Client("curl", ["curl", "--version"], program="curl", package="curl", command=lambda call: [
        "curl", "-sS", "--noproxy", "*", "--max-time", "30", "--cacert", call.ca, "--resolve", f"{call.name}:{call.port}:127.0.0.1", call.url]),
    Client("openssl", openssl_version, program="openssl", package="openssl", speaks=True, command=s_client),
    Client(
        "openssl-retry", openssl_version, program="openssl", package="openssl", speaks=True,
        # The server has no X448, for which alone the first hello brings a key share: RFC 8446 4.1.4.
        command=lambda call: s_client(call, "-groups", "X448:P-256", "-msg"), expects=(("Handshake [length", 1), (", ClientHello", 2))),
    Client(
        "openssl-1.2", openssl_version, program="openssl", package="openssl", speaks=True,
        command=lambda call: s_client(call, "-tls1_2", "-alpn", "http/1.1")),
    Client(
        "gnutls", ["gnutls-cli", "--version"], program="gnutls-cli", package="gnutls-bin", speaks=True, command=lambda call: [
            "gnutls-cli", "--x509cafile", call.ca, "--sni-hostname", call.name, "--verify-hostname", call.name, "--port", call.port,
            "127.0.0.1"]),
    Client("wget", ["wget", "--version"], program="wget", package="wget", environment=by_connect, command=lambda call: [
        "wget", "-q", "-O", "-", "-T", "30", "-t", "1", "--ca-certificate", call.ca, call.url]),
    Client("python", [sys.executable, "-c", "import ssl, sys; print('Python', sys.version.split()[0], ssl.OPENSSL_VERSION)"],
           program=sys.executable, command=lambda call: [sys.executable, here / "get.py", call.name, call.port, call.ca, call.path]),
    Client("nss", ["sh", "-c", "dpkg-query -W -f 'NSS ${Version}' libnss3"], program="tstclnt", package="libnss3-tools", heavy=True, speaks=True,
           command=lambda call: ["tstclnt", "-h", "127.0.0.1", "-a", call.name, "-p", call.port, "-d", nss_database(call), "-V", "tls1.2:tls1.3"]),
    Client("node", ["node", "--version"], program="node", package="nodejs", heavy=True,
           command=lambda call: ["node", here / "get.mjs", call.name, call.port, call.ca, call.path]),
    Client("java", ["java", "-version"], program="javac", package="default-jdk-headless", heavy=True, command=lambda call: [
        "java", "-Xmx256m", f"-Djavax.net.ssl.trustStore={trust_store(call)}", "-Djavax.net.ssl.trustStorePassword=changeit", here / "Get.java",
        call.name, call.port, call.path]),
    Client("go", ["go", "version"], program="go", package="golang-go", heavy=True,
           environment=lambda call: {"HOME": call.folder, "GO111MODULE": "off", "GOFLAGS": "", "GOTOOLCHAIN": "local"},
           command=lambda call: ["go", "run", here / "get.go", call.name, call.port, call.ca, call.path]),
    Client("pyopenssl", [interpreter(pyopenssl), "-c", "from OpenSSL import SSL; print(SSL.SSLeay_version(0).decode())"],
           wheel=pyopenssl, heavy=True, command=wheel(pyopenssl, "get_pyopenssl.py")),
    Client("boringssl", [interpreter(curl_cffi), "-c", "import curl_cffi; print('curl_cffi', curl_cffi.__version__, 'BoringSSL as Chrome uses it')"],
           wheel=curl_cffi, heavy=True, command=wheel(curl_cffi, "get_curl_cffi.py")),
    Client("rustls", [folder_of(uv) / "bin/uv", "--version"], wheel=uv, heavy=True, is_served=False, environment=by_connect,
           # Not a page but an index of packages is what uv asks for. That it complains of the type of what it got shows that it got it.
           expects=(('Unsupported `Content-Type` "application/json"', 1),),
           command=lambda call: [
               folder_of(uv) / "bin/uv", "--no-cache", "pip", "install", "--dry-run", "--target", call.folder,
               "--default-index", f"https://{call.name}:{call.port}/simple", "hyper-test-package"]),
    Client("chromium", ["chromium", "--version"], program="chromium", package="chromium", heavy=True, environment=in_home,
           command=lambda call: chromium(call, "--dump-dom")),
]


def shown(client, call):
    """The command as one would type it."""
    return shlex.join(client.arguments(call))


def chosen(words):
    """The clients that are meant by `all`, `light` or their keys."""
    keys = {client.key for client in all}
    unknown = [word for word in words if word not in keys | {"light", "all"}]
    if unknown:
        sys.exit(f"clients: no client {', '.join(unknown)}: use light, all, or of {', '.join(sorted(keys))}")
    return [client for client in all if "all" in words or client.key in words or ("light" in words and not client.heavy)]


def print_needs(words):
    """What is to be installed, for tools/clients.sh: lines `package NAME` and `wheel FOLDER PINS`."""
    missing = [client for client in chosen(words) if not client.is_present]
    packages = {client.package for client in missing if client.package}
    if any(client.key in ("nss", "chromium") for client in chosen(words)) and not shutil.which("certutil"):
        packages.add("libnss3-tools")
    for package in sorted(packages):
        print("package", package)
    for wheel in sorted({client.wheel for client in missing if client.wheel}):
        print("wheel", folder_of(wheel).relative_to(root), wheel)


if __name__ == "__main__":
    print_needs(sys.argv[1:] or ["all"])
