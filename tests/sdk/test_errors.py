"""Every error of DeleteVcoRouteEntry, provoked for real and parsed by both SDKs."""

import json
import uuid

import pytest

from clients import BOTH, REGION, NewSdk, Refused
from sites import Gateway, until

SETTINGS = """
[api]
change_wait_ms = 0
[quotas]
vco_routes_per_connection = 3
"""

ROUTE = "192.168.10.0/24"


@pytest.fixture(scope="module")
def gateway(hosts, tmp_path_factory):
    """Without packets: its tunnels come up by themselves."""
    gateway = Gateway(tmp_path_factory.mktemp("errors"), SETTINGS, ["--engine", "none"])
    try:
        yield gateway.start()
    finally:
        gateway.stop()


@pytest.fixture(scope="module")
def admin(gateway):
    credentials = gateway.credentials()
    return NewSdk(credentials["AccessKeyId"], credentials["AccessKeySecret"])


@pytest.fixture(params=BOTH, ids=lambda kind: kind.name)
def sdk(request, gateway):
    credentials = gateway.credentials()
    return request.param(credentials["AccessKeyId"], credentials["AccessKeySecret"])


@pytest.fixture
def connection(admin):
    customer = admin.call("CreateCustomerGateway", IpAddress="203.0.113.7")["CustomerGatewayId"]
    config = json.dumps({"Psk": "1234", "IkeVersion": "ikev2"})
    made = admin.call(
        "CreateVpnAttachment",
        CustomerGatewayId=customer,
        LocalSubnet="0.0.0.0/0",
        RemoteSubnet="0.0.0.0/0",
        IkeConfig=config,
    )["VpnConnectionId"]
    settle(admin, made)
    yield made
    settle(admin, made)
    admin.call("DeleteVpnAttachment", VpnConnectionId=made)
    admin.call("DeleteCustomerGateway", CustomerGatewayId=customer)


def settle(sdk, connection):
    def attached():
        return sdk.call("DescribeVpnConnection", VpnConnectionId=connection)["State"] == "attached"

    until(attached, 5, "the connection is attached")


def route(connection, **changes):
    return {**dict(VpnConnectionId=connection, RouteDest=ROUTE, NextHop=connection, Weight=100), **changes}


def refused(sdk, operation, **parameters):
    with pytest.raises(Refused) as raised:
        sdk.call(operation, **parameters)
    return raised.value


def make_route(admin, connection, **changes):
    admin.call("CreateVcoRouteEntry", **route(connection, **changes))
    settle(admin, connection)


def test_a_connection_that_does_not_exist(sdk):
    error = refused(sdk, "DeleteVcoRouteEntry", **route("vco-doesnotexist0000000000"))
    assert (error.status, error.code) == (404, "InvalidVpnConnectionInstanceId.NotFound")
    assert "The specified vpn connection instance id does not exist." in error.message


def test_a_route_with_another_weight_is_the_conflict(sdk, admin, connection):
    make_route(admin, connection)
    error = refused(sdk, "DeleteVcoRouteEntry", **route(connection, Weight=0))
    assert (error.status, error.code) == (400, "VpnRouteEntry.Conflict")
    assert "The specified route entry has conflict." in error.message


def test_a_route_that_is_not_there(sdk, connection):
    error = refused(sdk, "DeleteVcoRouteEntry", **route(connection))
    assert (error.status, error.code) == (404, "InvalidRouteEntry.NotFound")


def test_a_ram_user_without_the_permission(request, gateway, admin, connection):
    make_route(admin, connection)
    key = new_user(gateway, "reader", {"Effect": "Allow", "Action": "vpc:Describe*", "Resource": "*"})
    for kind in BOTH:
        user = kind(key["AccessKeyId"], key["AccessKeySecret"])
        assert user.call("DescribeVcoRouteEntries", VpnConnectionId=connection)["TotalCount"] == 1
        error = refused(user, "DeleteVcoRouteEntry", **route(connection))
        assert (error.status, error.code) == (403, "Forbbiden.SubUser")
        sentence = "User not authorized to operate on the specified resource as your account is created by another user."
        assert sentence in error.message


def test_a_foreign_resource_owner_is_forbidden(sdk, admin, connection):
    make_route(admin, connection)
    error = refused(sdk, "DeleteVcoRouteEntry", **route(connection, ResourceOwnerId=1))
    assert (error.status, error.code) == (403, "Forbidden")
    assert "User not authorized to operate on the specified resource." in error.message


def test_a_full_quota_of_routes(sdk, admin, connection):
    for number in range(3):
        make_route(admin, connection, RouteDest=f"192.168.{number}.0/24")
    error = refused(sdk, "CreateVcoRouteEntry", **route(connection))
    assert (error.status, error.code) == (400, "Resource.QuotaFull")
    assert "The quota of resource is full" in error.message


def test_the_same_token_with_other_parameters(sdk, admin, connection):
    make_route(admin, connection)
    make_route(admin, connection, RouteDest="192.168.11.0/24")
    token = str(uuid.uuid4())
    sdk.call("DeleteVcoRouteEntry", ClientToken=token, **route(connection))
    other = route(connection, RouteDest="192.168.11.0/24")
    error = refused(sdk, "DeleteVcoRouteEntry", ClientToken=token, **other)
    assert (error.status, error.code) == (400, "IdempotentParameterMismatch")


def test_a_wrong_secret_is_recognised_as_one(gateway):
    key = gateway.credentials()["AccessKeyId"]
    for kind in BOTH:
        error = refused(kind(key, "not the secret"), "DescribeRegions")
        assert error.code in ("SignatureDoesNotMatch", "InvalidAccessKeySecret"), error


def test_an_unknown_access_key(gateway):
    for kind in BOTH:
        error = refused(kind("LTAInobody", "secret"), "DescribeRegions")
        assert (error.status, error.code) == (404, "InvalidAccessKeyId.NotFound")


def test_a_default_route_and_host_bits_are_refused_by_name(sdk, connection):
    for destination in ("0.0.0.0/0", "192.168.10.1/24"):
        error = refused(sdk, "CreateVcoRouteEntry", **route(connection, RouteDest=destination))
        assert error.status == 400 and "RouteDest" in f"{error.code} {error.message}", error


def test_more_than_sixty_deletions_a_minute_are_throttled(gateway, admin):
    credentials = gateway.credentials()
    sdk = NewSdk(credentials["AccessKeyId"], credentials["AccessKeySecret"])
    for _ in range(70):
        error = refused(sdk, "DeleteVcoRouteEntry", **route("vco-doesnotexist0000000000"), RegionId="us-west-1")
        if error.code == "Throttling.User":
            assert error.retry_after_ms and error.retry_after_ms > 0
            return
    raise AssertionError("seventy deletions in a row were all admitted")


def new_user(gateway, name, statement):
    policy = gateway.folder / f"{name}.json"
    policy.write_text(json.dumps({"Version": "1", "Statement": [statement]}))
    gateway.command("keys", "create-user", name)
    gateway.command("keys", "attach-policy", "--user", name, "--file", str(policy))
    return json.loads(gateway.command("keys", "create-access-key", "--user", name).stdout)


def test_the_region_of_the_tests_is_listed(sdk):
    regions = sdk.call("DescribeRegions")["Regions"]["Region"]
    assert REGION in [region["RegionId"] for region in regions]
