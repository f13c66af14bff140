"""Both SDKs over the whole list of the server's operations: what the server sent is what the client holds.

The calls are in `tests/clients/calls.json`, in an order in which each finds what it needs, and serve every language. An operation or
a parameter of the server's that no call has fails here, unless `not_called.json` gives the reason; its lines may only become fewer.
"""

import json
import pathlib
import subprocess
import time
import urllib.request
import xml.etree.ElementTree as ElementTree

import pytest

from alibabacloud_tea_openapi import models as openapi
from alibabacloud_vpc20160428 import models as vpc_models
from alibabacloud_vpc20160428.client import Client as VpcClient
from aliyunsdkcore.client import AcsClient
from aliyunsdkcore.request import RpcRequest

from clients import REGION, snake
from sites import binary, until

CLIENTS = pathlib.Path(__file__).resolve().parents[1] / "clients"
CALLS = json.loads((CLIENTS / "calls.json").read_text())
NOT_CALLED = json.loads((CLIENTS / "not_called.json").read_text())


# What a model does not hold although the server sends it, and why. The list may only become shorter.
NOT_HELD = {
    "DescribeVpnConnections.VpnConnections.VpnConnection.VpnBgpConfig.EnableBgp":
        "an extension: a list shows of each connection what its description shows",
    "ModifyVpnConnectionAttribute.VcoHealthCheck.Policy":
        "an extension: the answer to a change shows the health check as the description does",
}


@pytest.fixture(scope="module")
def operations():
    listed = subprocess.run([binary(), "operations"], check=True, capture_output=True, text=True).stdout
    return [operation for operation in json.loads(listed) if operation["Product"] == "Vpc"]


@pytest.fixture
def server(tmp_path):
    """A server without packets, on a port that the system chose."""
    config = tmp_path / "causeway.toml"
    config.write_text("[gateway]\nsimulated_tunnel_up_ms = 0\n[metrics]\nenabled = false\n")
    data = tmp_path / "data"
    arguments = ["serve", "--engine", "none", "--listen", "127.0.0.1:0", "--config", config, "--data", data]
    process = subprocess.Popen([binary(), *arguments], stderr=subprocess.DEVNULL)
    file = data / "root-access-key.json"

    def answers():
        """Not before: what was signed in an earlier second than the server's first is refused."""
        try:
            endpoint = json.loads(file.read_text())["Endpoint"]
            return urllib.request.urlopen(f"http://{endpoint}/healthz", timeout=2).status == 200
        except OSError:
            return False

    try:
        until(answers, 20, "the server answers")
        yield json.loads(file.read_text())
    finally:
        process.kill()
        process.wait()


class Recorded(VpcClient):
    """The SDK's client; what it read from the wire is kept beside what it makes of it."""

    def call_api(self, *arguments):
        answer = super().call_api(*arguments)
        self.wire = json.loads(json.dumps(answer["body"]))
        return answer


def filled(value, captured):
    """A sample with the ids that are known by now."""
    if isinstance(value, dict):
        return {name: filled(member, captured) for name, member in value.items()}
    if isinstance(value, list):
        return [filled(member, captured) for member in value]
    return captured[value[1:]] if isinstance(value, str) and value.startswith("$") else value


def found(body, path):
    for part in path.split("."):
        if isinstance(body, list):
            body = body[int(part)]
        elif part != "0":  # XML does not tell a list of one from its element.
            body = body[part]
    return body


def follow(call):
    """Sends all calls, in their order, some until what they wait for is so, and captures what later ones need; answers each with what the client made of it."""
    captured = {}
    for step in CALLS:
        body = call(step["call"], filled(step["with"], captured))
        deadline = time.monotonic() + 20
        while any(str(found(body, path)) != str(value) for path, value in step.get("until", {}).items()):
            assert time.monotonic() < deadline, f"{step} is still {body}"
            time.sleep(0.02)
            body = call(step["call"], filled(step["with"], captured))
        assert body["RequestId"], step["call"]
        for name, path in step.get("capture", {}).items():
            captured[name] = found(body, path)
    return captured


def lost(wire, model, path=""):
    """Where the model does not hold what came over the wire."""
    if isinstance(wire, dict) and isinstance(model, dict):
        return [where for name in wire for where in lost(wire[name], model.get(name), f"{path}.{name}")]
    if isinstance(wire, list) and isinstance(model, list) and len(wire) == len(model):
        return [where for a, b in zip(wire, model) for where in lost(a, b, path)]
    return [] if wire == model else [f"{path}: {wire!r} is held as {model!r}"]


def test_every_operation_and_every_parameter_is_called(operations):
    called = {}
    for step in CALLS:
        called.setdefault(step["call"], {"RegionId"}).update(step["with"])
    absent = set()
    for operation in operations:
        name = operation["Name"]
        if name not in called:
            absent.add(name)
            continue
        parameters = operation["Parameters"].get("properties", {})
        absent |= {f"{name}.{parameter}" for parameter in parameters if parameter not in called[name]}
    assert absent - set(NOT_CALLED) == set(), "add them to tests/clients/calls.json"
    assert set(NOT_CALLED) - absent == set(), "they are called now: remove them from tests/clients/not_called.json"


def test_the_models_of_the_new_sdk_hold_what_the_server_sent(server):
    config = openapi.Config(
        access_key_id=server["AccessKeyId"],
        access_key_secret=server["AccessKeySecret"],
        endpoint=server["Endpoint"],
        protocol="http",
        region_id=REGION,
    )
    client = Recorded(config)
    losses = []

    def call(operation, parameters):
        request = getattr(vpc_models, f"{operation}Request")()
        if hasattr(request, "region_id"):
            parameters["RegionId"] = REGION
        request.from_map(parameters)
        sent = request.to_map()
        assert lost(parameters, sent) == [], f"{operation} cannot be asked so"
        body = getattr(client, snake(operation))(request).body.to_map()
        losses.extend(f"{operation}{where}" for where in lost(client.wire, body))
        return body

    follow(call)
    where = {loss.partition(":")[0] for loss in losses}
    assert [loss for loss in losses if loss.partition(":")[0] not in NOT_HELD] == []
    assert set(NOT_HELD) - where == set(), "they are held now: remove them from NOT_HELD"


def flat(value, name):
    """The parameters of a nested one, as all clients spell them."""
    if isinstance(value, dict):
        return [pair for member, inner in value.items() for pair in flat(inner, f"{name}.{member}")]
    if isinstance(value, list):
        return [pair for index, inner in enumerate(value, 1) for pair in flat(inner, f"{name}.{index}")]
    return [(name, str(value))]


@pytest.mark.parametrize("form", ["JSON", "XML"])
def test_the_core_of_the_old_sdk_reads_every_answer(server, form):
    client = AcsClient(server["AccessKeyId"], server["AccessKeySecret"], REGION)

    def ask(operation, parameters, form):
        request = RpcRequest("Vpc", "2016-04-28", operation)
        request.set_endpoint(server["Endpoint"])
        request.set_protocol_type("http")
        request.set_method("POST")
        request.set_accept_format(form)
        for name, value in {"RegionId": REGION, **parameters}.items():
            for flat_name, flat_value in flat(value, name):
                request.add_query_param(flat_name, flat_value)
        # The one that raises exceptions always asks for JSON.
        return client.do_action(request) if form == "XML" else client.do_action_with_exception(request)

    def call(operation, parameters):
        if form == "JSON":
            return json.loads(ask(operation, parameters, form))
        root = ElementTree.fromstring(ask(operation, parameters, form))
        assert root.tag == f"{operation}Response"
        return tree(root)

    follow(call)


def tree(element):
    """An XML answer as an object; an element that comes more than once is a list."""
    if len(element) == 0:
        return element.text or ""
    members = {}
    for child in element:
        members.setdefault(child.tag, []).append(tree(child))
    return {name: values if len(values) > 1 else values[0] for name, values in members.items()}
