"""The relays that are compared, each from its own start to a port that clients connect to."""
import dataclasses
import pathlib

from machine import BUILD, ROOT, Processes, family

FAR = 21001
STATIC_NAME = "static.bench.test"
CHAIN_NAME = "test.internal-server.local"

HAPROXY = "/usr/sbin/haproxy"
NGINX = "/usr/sbin/nginx"
PACKAGES = {HAPROXY: "haproxy", NGINX: "nginx-core", "/usr/lib/nginx/modules/ngx_stream_module.so": "libnginx-mod-stream"}


@dataclasses.dataclass
class Relay:
    """A way from a client to the far end."""
    key: str
    title: str
    port: int
    name: str
    pids: list


HAPROXY_SETTINGS = """
global
  maxconn 9500
  nbthread 1
{globals}
defaults
  mode tcp
  timeout connect 5s
  timeout client 1h
  timeout server 1h
{defaults}
frontend clients
  bind 127.0.0.1:{port}
  tcp-request inspect-delay 5s
  tcp-request content accept if {{ req.ssl_hello_type 1 }}
  use_backend far if {{ req.ssl_sni -i {name} }}
backend far
  server far 127.0.0.1:{far}
"""

# key: title, port, global section, defaults section
HAPROXIES = {
    "haproxy": ("haproxy", 21010, "", ""),
    "splice-auto": ("haproxy splice-auto", 21011, "  maxpipes 200", "  option splice-auto"),
    "tuned": ("haproxy tuned", 21012, "  maxpipes 200\n  tune.pipesize 1048576", "  option splice-request\n  option splice-response"),
}

NGINX_SETTINGS = """
load_module modules/ngx_stream_module.so;
worker_processes 1;
worker_rlimit_nofile 20000;
pid {folder}/nginx.pid;
error_log {folder}/nginx-error.log;
events {{ worker_connections 19000; }}
stream {{
  map $ssl_preread_server_name $far {{ {name} 127.0.0.1:{far}; }}
  server {{ listen 127.0.0.1:21015 backlog=4096; ssl_preread on; proxy_pass $far; proxy_timeout 1h; }}
}}
"""


def start_haproxy(processes: Processes, key):
    title, port, globals_, defaults = HAPROXIES[key]
    if not pathlib.Path(HAPROXY).exists():
        return None
    file = processes.folder / f"{key}.cfg"
    file.write_text(HAPROXY_SETTINGS.format(globals=globals_, defaults=defaults, port=port, name=STATIC_NAME, far=FAR))
    pid = processes.start(key, [HAPROXY, "-db", "-f", file], port=port)
    return Relay(key, title, port, STATIC_NAME, [pid])


def start_nginx(processes: Processes):
    if not all(pathlib.Path(path).exists() for path in (NGINX, "/usr/lib/nginx/modules/ngx_stream_module.so")):
        return None
    file = processes.folder / "nginx.conf"
    file.write_text(NGINX_SETTINGS.format(folder=processes.folder, name=STATIC_NAME, far=FAR))
    pid = processes.start("nginx", [NGINX, "-c", file, "-e", processes.folder / "nginx-error.log", "-g", "daemon off;"], port=21015)
    return Relay("nginx", "nginx", 21015, STATIC_NAME, family(pid))


def start_edge(processes: Processes):
    """The relay with one route and nothing else: what the data plane costs by itself."""
    pid = processes.start("edge", [BUILD / "release" / "edge", 21020, f"127.0.0.1:{FAR}"], ready="ready")
    return Relay("edge", "Hyper, relay alone", 21020, STATIC_NAME, [pid])


def start_edge_large(processes: Processes):
    """The same with the pipes of the tuned haproxy."""
    pid = processes.start("edge-large", [BUILD / "release" / "edge", 21021, f"127.0.0.1:{FAR}", 1 << 20], ready="ready")
    return Relay("edge-large", "Hyper, relay alone, 1 MiB pipes", 21021, STATIC_NAME, [pid])


def start_hyper(processes: Processes):
    """All programs of the demo; one public proxy serves the static route and the chain. Two relays: static, chain."""
    programs = ROOT / "bin"
    if not all((programs / name).exists() for name in ("hyper", "proxy")):
        return []
    folder = processes.folder
    roles = ROOT / "settings" / "dev" / "roles"
    settings = {}
    for role in ("public-proxy-1", "private-proxy-1"):
        text = (roles / role / "001_default.yml").read_text().replace("/$DIR/", f"{roles / role}/")
        if role == "public-proxy-1":
            text = text.replace("127.0.0.1:4433", "127.0.0.1:21030")
            text += f"  routes:\n    - domain: {STATIC_NAME}\n      address: \"127.0.0.1:{FAR}\"\n  relay:\n    max_streams_per_source: 9900\n"
        else:
            text = text.replace("localhost:8888", f"127.0.0.1:{FAR}").replace("test.internal-server.local", CHAIN_NAME)
        settings[role] = folder / f"{role}.yml"
        settings[role].write_text(text)
    (folder / "run").mkdir(exist_ok=True)
    pids = {}
    for name, command, variable, place in (
        ("public-node", "hyper server run", "HYPER_SETTINGS", roles / "public-proxy-hyper-1"),
        ("private-node", "hyper server run", "HYPER_SETTINGS", roles / "private-proxy-hyper-1"),
        ("public", "proxy --level warning run public", "PROXY_SETTINGS", settings["public-proxy-1"]),
        ("private", "proxy --level info run private", "PROXY_SETTINGS", settings["private-proxy-1"]),
    ):
        words = command.split()
        ready = " ready" if name != "public" else None
        pids[name] = processes.start(
            name, [programs / words[0], *words[1:]], ready=ready, port=21030, environment={variable: str(place)})
    return [
        Relay("static", "Hyper, static route", 21030, STATIC_NAME, [pids["public"]]),
        Relay("chain", "Hyper, chain", 21030, CHAIN_NAME, list(pids.values())),
    ]
