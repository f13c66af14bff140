"""One world for all stories: namespaces, a gateway, and a peer that we did not write."""

import pytest

from clients import NewSdk
from sites import Gateway, Namespaces, StrongSwan


@pytest.fixture(scope="session")
def hosts():
    namespaces = Namespaces()
    try:
        namespaces.make()
        namespaces.enter_gateway()
        yield namespaces
    finally:
        namespaces.remove()


@pytest.fixture(scope="module")
def gateway(hosts, tmp_path_factory):
    gateway = Gateway(tmp_path_factory.mktemp("gateway"))
    try:
        yield gateway.start()
    finally:
        gateway.stop()


@pytest.fixture(scope="module")
def peer(hosts):
    peer = StrongSwan(hosts.peer)
    try:
        yield peer.start()
    finally:
        peer.stop()


@pytest.fixture(scope="module")
def root(gateway):
    credentials = gateway.credentials()
    return NewSdk(credentials["AccessKeyId"], credentials["AccessKeySecret"])
