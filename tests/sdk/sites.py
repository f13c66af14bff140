"""Two sites on one machine: a gateway with a LAN, and a strongSwan peer with a LAN behind it.

Each is a network namespace that this module makes and removes. The process that runs the tests enters the
gateway's namespace, so that the API on the gateway's loopback is its own loopback.

    lan host 10.20.0.2 --- 10.20.0.1 gateway 198.51.100.1/.2 --- 198.51.100.10 peer 10.30.0.1 (its LAN)
"""

import ctypes
import json
import os
import pathlib
import shutil
import signal
import subprocess
import tempfile
import time

ROOT = pathlib.Path(__file__).resolve().parents[2]
GATEWAY_ADDRESSES = ["198.51.100.1", "198.51.100.2"]
PEER_ADDRESS = "198.51.100.10"
GATEWAY_LAN = "10.20.0.0/16"
PEER_LAN = "10.30.0.0/24"
PEER_LAN_HOST = "10.30.0.1"
PSK = "p+s/k=1&*~'x"


def run(*command, check=True, **options):
    return subprocess.run(command, check=check, capture_output=True, text=True, **options)


def until(condition, seconds, what):
    """Waits for a condition, for so long; says what was waited for when it does not come."""
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        value = condition()
        if value:
            return value
        time.sleep(0.02)
    raise AssertionError(f"after {seconds} s still not: {what}")


class Namespaces:
    """The three hosts and the wires between them."""

    def __init__(self):
        mark = f"cwsdk{os.getpid()}"
        self.gateway, self.lan, self.peer = f"{mark}-gw", f"{mark}-lan", f"{mark}-peer"
        self.made = []

    def make(self):
        for name in (self.gateway, self.lan, self.peer):
            run("ip", "netns", "add", name)
            self.made.append(name)
            run("ip", "-n", name, "link", "set", "lo", "up")
        self._link(self.gateway, "outer", [f"{a}/24" for a in GATEWAY_ADDRESSES], self.peer, "outer", [f"{PEER_ADDRESS}/24"])
        self._link(self.gateway, "inner", ["10.20.0.1/24"], self.lan, "inner", ["10.20.0.2/24"])
        run("ip", "-n", self.lan, "route", "add", "default", "via", "10.20.0.1")
        run("ip", "-n", self.peer, "address", "add", f"{PEER_LAN_HOST}/24", "dev", "lo")
        for name in self.made:
            for setting in ("net.ipv4.ip_forward=1", "net.ipv4.conf.all.rp_filter=0", "net.ipv4.conf.default.rp_filter=0"):
                run("ip", "netns", "exec", name, "sysctl", "-qw", setting)

    @staticmethod
    def _link(a, a_name, a_addresses, b, b_name, b_addresses):
        run("ip", "link", "add", a_name, "netns", a, "type", "veth", "peer", "name", b_name, "netns", b)
        for host, name, addresses in ((a, a_name, a_addresses), (b, b_name, b_addresses)):
            for address in addresses:
                run("ip", "-n", host, "address", "add", address, "dev", name)
            run("ip", "-n", host, "link", "set", name, "up")

    def enter_gateway(self):
        libc = ctypes.CDLL(None, use_errno=True)
        with open(f"/run/netns/{self.gateway}") as namespace:
            if libc.setns(namespace.fileno(), 0) != 0:
                raise OSError(ctypes.get_errno(), "cannot enter the gateway's namespace; are you root?")

    def remove(self):
        for name in self.made:
            run("ip", "netns", "delete", name, check=False)


def binary():
    """The server's program."""
    given = os.environ.get("CAUSEWAY_BINARY")
    found = pathlib.Path(given) if given else ROOT / "target" / "debug" / "causeway"
    assert found.exists(), f"{found} is missing: run `cargo build`, or set CAUSEWAY_BINARY"
    return str(found)


class Gateway:
    """`causeway serve` in the gateway's namespace."""

    def __init__(self, folder, settings="", arguments=(), gateway_settings=""):
        self.folder = pathlib.Path(folder)
        self.data = self.folder / "data"
        self.configuration = self.folder / "causeway.toml"
        addresses = ", ".join(f'{{ public = "{address}" }}' for address in GATEWAY_ADDRESSES)
        self.configuration.write_text(f"{settings}\n[gateway]\naddresses = [{addresses}]\n{gateway_settings}\n")
        self.arguments = list(arguments)
        self.process = None

    def start(self):
        log = open(self.folder / "causeway.log", "ab")
        command = [binary(), "serve", "--config", str(self.configuration), "--data", str(self.data), *self.arguments]
        self.process = subprocess.Popen(command, stdout=log, stderr=log, start_new_session=True)
        until(self._answers, 20, f"the server answers; its log is\n{self.log()}")
        return self

    def _answers(self):
        if self.process.poll() is not None:
            raise AssertionError(f"the server ended with {self.process.returncode}:\n{self.log()}")
        return run("curl", "-sf", "-m", "2", "http://127.0.0.1:8686/healthz", check=False).returncode == 0

    def log(self):
        return (self.folder / "causeway.log").read_text(errors="replace")

    def credentials(self):
        return json.loads((self.data / "root-access-key.json").read_text())

    def kill(self):
        os.kill(self.process.pid, signal.SIGKILL)
        self.process.wait()

    def stop(self):
        if self.process and self.process.poll() is None:
            self.process.terminate()
            try:
                self.process.wait(15)
            except subprocess.TimeoutExpired:
                self.kill()

    def command(self, *arguments, check=True):
        return run(binary(), *arguments, "--data", str(self.data), check=check)


class StrongSwan:
    """charon in the peer's namespace, with one connection to each address of the gateway."""

    def __init__(self, namespace, proposals="aes128-sha1-modp1024"):
        self.namespace = namespace
        self.proposals = proposals
        self.folder = pathlib.Path(tempfile.mkdtemp(prefix="cwsdk-charon-"))
        self.process = None

    def _configure(self):
        socket = f"unix://{self.folder}/charon.vici"
        (self.folder / "strongswan.conf").write_text(
            f"""charon-systemd {{
  load = random nonce openssl hmac pem pkcs1 x509 pubkey sha1 sha2 md5 aes des gmp curve25519 gcm kdf kernel-libipsec kernel-netlink socket-default vici
  plugins {{
    vici {{ socket = {socket} }}
    kernel-netlink {{ fwmark = !0x42 }}
    socket-default {{ fwmark = 0x42 }}
  }}
  filelog {{ {self._log_name()} {{ path = {self.folder}/charon.log
      default = 1
      flush_line = yes }} }}
}}
"""
        )
        swanctl = self.folder / "swanctl.conf"
        swanctl.touch(0o600)
        swanctl.write_text(self._connections_file())

    def _connections_file(self):
        connections = "".join(self._connection(index, address) for index, address in enumerate(GATEWAY_ADDRESSES, 1))
        secrets = "".join(f'  ike-{i} {{ id-1 = {a}\n    secret = "{PSK}" }}\n' for i, a in enumerate(GATEWAY_ADDRESSES, 1))
        return f"connections {{\n{connections}}}\nsecrets {{\n{secrets}}}\n"

    @staticmethod
    def _log_name():
        return "story"

    def _connection(self, index, address):
        return f"""  gateway-{index} {{
    version = 2
    local_addrs = {PEER_ADDRESS}
    remote_addrs = {address}
    proposals = {self.proposals}
    encap = yes
    local {{ auth = psk
      id = {PEER_ADDRESS} }}
    remote {{ auth = psk
      id = {address} }}
    children {{ net {{
        local_ts = 0.0.0.0/0
        remote_ts = 0.0.0.0/0
        esp_proposals = {self.proposals}
        start_action = none }} }}
  }}
"""

    def start(self):
        self._configure()
        environment = dict(os.environ, STRONGSWAN_CONF=str(self.folder / "strongswan.conf"))
        command = ["ip", "netns", "exec", self.namespace, "/usr/sbin/charon-systemd"]
        self.process = subprocess.Popen(command, env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        until(lambda: (self.folder / "charon.vici").exists(), 10, "charon answers")
        run("swanctl", "--load-all", "--file", str(self.folder / "swanctl.conf"), "--uri", f"unix://{self.folder}/charon.vici")
        until(self._routed, 5, "charon's device is there")
        return self

    def _routed(self):
        run("ip", "-n", self.namespace, "rule", "del", "prio", "220", check=False)
        added = run("ip", "-n", self.namespace, "route", "replace", GATEWAY_LAN, "dev", "ipsec0", check=False)
        return added.returncode == 0

    def log(self):
        file = self.folder / "charon.log"
        return file.read_text(errors="replace") if file.exists() else ""

    def stop(self):
        if self.process:
            self.process.terminate()
            try:
                self.process.wait(10)
            except subprocess.TimeoutExpired:
                self.process.kill()
                self.process.wait()
        shutil.rmtree(self.folder, ignore_errors=True)


def ping(namespace, destination, count=3):
    """How many of `count` echo requests were answered."""
    sent = run("ip", "netns", "exec", namespace, "ping", "-n", "-c", str(count), "-i", "0.05", "-W", "1", destination, check=False)
    for line in sent.stdout.splitlines():
        if "received" in line:
            return int(line.split(",")[1].split()[0])
    raise AssertionError(f"ping said: {sent.stdout}{sent.stderr}")
