"""Where programs run: on the host as it is, or the public and the private side in network namespaces of their own.

`tools/chaos.sh` has put the suite into fresh namespaces when that is possible. Then the suite's own network is the public side, a process
that does nothing holds the private side's, and a pair of virtual interfaces leads from one to the other. All of it ends with the suite.
"""
import subprocess

from program import Failure, die_with_the_suite

PUBLIC, PUBLIC_TOO, PRIVATE = "10.213.0.1", "10.213.0.3", "10.213.0.2"
SETTINGS = ("net.ipv4.tcp_tw_reuse=1", "net.ipv4.ip_local_port_range=10000 65000")

# Names of rules that `Places.obstruct` knows. Packets are dropped where they arrive, at both ends, so that nobody is told.
DROP_ALL = "drop"


def run(*words, text=None):
    done = subprocess.run(words, input=text, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    if done.returncode != 0:
        raise Failure(f"{' '.join(words)}: {done.stdout.strip()}")
    return done.stdout


class Host:
    """No namespaces: both sides on loopback."""
    is_isolated = False
    public, public_too = "127.0.0.1", "127.0.0.2"
    private_prefix = ()

    def close(self):
        pass


class Namespaces:
    is_isolated = True
    public, public_too = PUBLIC, PUBLIC_TOO

    def __init__(self):
        self.holder = subprocess.Popen(
            ["unshare", "--net", "sleep", "infinity"], start_new_session=True, preexec_fn=die_with_the_suite)
        self.private_prefix = ("nsenter", f"--net=/proc/{self.holder.pid}/ns/net", "--")
        self.wait_for_holder()
        for prefix in ((), self.private_prefix):
            run(*prefix, "ip", "link", "set", "lo", "up")
            for setting in SETTINGS:
                run(*prefix, "sysctl", "-qw", setting)
        run("ip", "link", "add", "to-private", "type", "veth", "peer", "name", "to-public", "netns", str(self.holder.pid))
        run("ip", "address", "add", f"{PUBLIC}/24", "dev", "to-private")
        run("ip", "address", "add", f"{PUBLIC_TOO}/24", "dev", "to-private")
        run("ip", "link", "set", "to-private", "up")
        self.in_private("ip", "address", "add", f"{PRIVATE}/24", "dev", "to-public")
        self.in_private("ip", "link", "set", "to-public", "up")

    def in_private(self, *words, text=None):
        return run(*self.private_prefix, *words, text=text)

    def wait_for_holder(self):
        """Until it has left our network."""
        own = run("readlink", "/proc/self/ns/net")
        for _ in range(500):
            if run("readlink", f"/proc/{self.holder.pid}/ns/net") != own:
                return
            subprocess.run(["sleep", "0.01"])
        raise Failure("no network namespace for the private side")

    def obstruct(self, percent=100):
        """Drops so many packets of a hundred between the two sides, without a word to either."""
        what = "drop" if percent == 100 else f"numgen random mod 100 < {percent} drop"
        for prefix, interface in (((), "to-private"), (self.private_prefix, "to-public")):
            rules = f"""table inet chaos {{
  chain arriving {{
    type filter hook input priority 0;
    iifname "{interface}" {what}
  }}
}}
"""
            run(*prefix, "nft", "-f", "-", text=rules)

    def clear(self):
        for prefix in ((), self.private_prefix):
            subprocess.run([*prefix, "nft", "delete", "table", "inet", "chaos"], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)

    def close(self):
        self.holder.kill()
        self.holder.wait()
