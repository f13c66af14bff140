"""Changes of a connection that is `updating`: they wait in line, for so long and behind so many others."""

import threading
import time

import pytest

from clients import BOTH, NewSdk, Refused
from sites import Gateway
from test_errors import refused, route, settle

CHANGE_MS = 1_500
SETTINGS = """
[api]
change_wait_ms = {wait}
waiting_changes_max = 1
"""


def serve(hosts, folder, wait):
    gateway = Gateway(folder, SETTINGS.format(wait=wait), ["--engine", "none"], f"simulated_change_ms = {CHANGE_MS}")
    return gateway.start()


@pytest.fixture(params=BOTH, ids=lambda kind: kind.name)
def sdk_kind(request):
    return request.param


def updating_connection(gateway, kind):
    """A connection with a route of which the deletion is still on its way to the packets."""
    credentials = gateway.credentials()
    sdk = kind(credentials["AccessKeyId"], credentials["AccessKeySecret"])
    admin = NewSdk(credentials["AccessKeyId"], credentials["AccessKeySecret"])
    customer = admin.call("CreateCustomerGateway", IpAddress="203.0.113.7")["CustomerGatewayId"]
    connection = admin.call(
        "CreateVpnAttachment",
        CustomerGatewayId=customer,
        LocalSubnet="0.0.0.0/0",
        RemoteSubnet="0.0.0.0/0",
        IkeConfig='{"Psk": "1234", "IkeVersion": "ikev2"}',
    )["VpnConnectionId"]
    settle(admin, connection)
    admin.call("CreateVcoRouteEntry", **route(connection))
    return sdk, admin, connection


def state(sdk, connection):
    return sdk.call("DescribeVpnConnection", VpnConnectionId=connection)["State"]


def test_a_deletion_waits_its_turn_and_one_more_is_the_full_quota(hosts, tmp_path, sdk_kind):
    gateway = serve(hosts, tmp_path, wait=10_000)
    try:
        _, admin, connection = updating_connection(gateway, sdk_kind)
        assert state(admin, connection) == "updating"
        credentials = gateway.credentials()
        done, refusals = [], []

        def delete():
            sdk = sdk_kind(credentials["AccessKeyId"], credentials["AccessKeySecret"])
            started = time.monotonic()
            try:
                sdk.call("DeleteVcoRouteEntry", **route(connection))
                done.append(time.monotonic() - started)
            except Refused as error:
                refusals.append(error)

        # One place to wait: whichever deletion comes second finds it taken.
        threads = [threading.Thread(target=delete) for _ in range(2)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert [(error.status, error.code) for error in refusals] == [(400, "Resource.QuotaFull")]
        assert "The quota of resource is full" in refusals[0].message
        assert len(done) == 1 and done[0] > 0.1, "the other one waited until the creation was in force"
        settle(admin, connection)
        assert admin.call("DescribeVcoRouteEntries", VpnConnectionId=connection)["TotalCount"] == 0
    finally:
        gateway.stop()


def test_beyond_the_wait_the_connection_is_configuring(hosts, tmp_path, sdk_kind):
    gateway = serve(hosts, tmp_path, wait=0)
    try:
        sdk, admin, connection = updating_connection(gateway, sdk_kind)
        error = refused(sdk, "DeleteVcoRouteEntry", **route(connection))
        assert (error.status, error.code) == (400, "VpnConnection.Configuring")
        settle(admin, connection)
        sdk.call("DeleteVcoRouteEntry", **route(connection))
    finally:
        gateway.stop()
