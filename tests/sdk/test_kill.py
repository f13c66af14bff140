"""kill -9 in the middle of a thousand changes: what was acknowledged is there, and the packets' side agrees."""

import json
import random
import threading
import time

import pytest

from clients import NewSdk, Refused
from sites import PEER_ADDRESS, PSK, Gateway, run, until

SETTINGS = """
[api]
rate_limits = false
"""
CHANGES = 1_000
WRITERS = 4


@pytest.fixture
def gateway(hosts, tmp_path):
    gateway = Gateway(tmp_path, SETTINGS)
    try:
        yield gateway.start()
    finally:
        gateway.stop()


class Writer:
    """Creates and deletes routes of one connection, and remembers what it was told."""

    def __init__(self, sdk, connection, number):
        self.sdk, self.connection, self.number = sdk, connection, number
        self.random = random.Random(number)
        self.present, self.unknown, self.acknowledged = set(), None, 0

    def run(self, changes):
        for _ in range(changes):
            destination = f"10.{self.number}.{self.random.randrange(40)}.0/24"
            operation = "DeleteVcoRouteEntry" if destination in self.present else "CreateVcoRouteEntry"
            route = dict(VpnConnectionId=self.connection, RouteDest=destination, NextHop=self.connection, Weight=100)
            self.unknown = destination
            try:
                self.sdk.call(operation, **route)
            except Refused:
                raise
            except Exception:
                return  # the server is gone; whether this last change happened is not known
            self.unknown = None
            self.acknowledged += 1
            (self.present.discard if operation.startswith("Delete") else self.present.add)(destination)


def sdk_of(gateway):
    credentials = gateway.credentials()
    return NewSdk(credentials["AccessKeyId"], credentials["AccessKeySecret"], read_timeout=5_000, connect_timeout=2_000)


def stored(sdk, connection):
    found, page = set(), 1
    while True:
        answer = sdk.call("DescribeVcoRouteEntries", VpnConnectionId=connection, PageSize=50, PageNumber=page)
        found |= {route["RouteDest"] for route in answer["VcoRouteEntries"]}
        if len(answer["VcoRouteEntries"]) < 50:
            return found
        page += 1


def linux_routes():
    shown = run("ip", "-j", "-N", "route", "show", "table", "all").stdout
    return {route["dst"] for route in json.loads(shown) if str(route.get("protocol")) == "202"}


def test_every_acknowledged_change_survives(gateway):
    sdk = sdk_of(gateway)
    customer = sdk.call("CreateCustomerGateway", IpAddress=PEER_ADDRESS)["CustomerGatewayId"]
    config = json.dumps({"Psk": PSK, "IkeVersion": "ikev2"})
    writers = []
    for number in range(WRITERS):
        made = sdk.call(
            "CreateVpnAttachment",
            CustomerGatewayId=customer,
            LocalSubnet="0.0.0.0/0",
            RemoteSubnet="0.0.0.0/0",
            IkeConfig=config,
        )
        writers.append(Writer(sdk_of(gateway), made["VpnConnectionId"], number + 1))
    threads = [threading.Thread(target=writer.run, args=(CHANGES // WRITERS,)) for writer in writers]
    for thread in threads:
        thread.start()
    until(lambda: sum(writer.acknowledged for writer in writers) >= CHANGES // 2, 60, "half of the changes are acknowledged")
    gateway.kill()
    for thread in threads:
        thread.join()
    assert all(writer.unknown for writer in writers), "the server was killed in the middle"

    started = time.monotonic()
    gateway.start()
    sdk = sdk_of(gateway)
    routed = set()
    for writer in writers:
        found = stored(sdk, writer.connection)
        assert found - {writer.unknown} == writer.present - {writer.unknown}, "what was acknowledged is what is stored"
        routed |= found

    def in_force():
        return all(
            sdk.call("DescribeVpnConnection", VpnConnectionId=writer.connection)["State"] == "attached" for writer in writers
        )

    until(in_force, 10, "every connection is in force again")
    assert linux_routes() == routed, "Linux has the stored routes and no others"
    print(f"in force {time.monotonic() - started:.2f} s after the restart, {len(routed)} routes")
