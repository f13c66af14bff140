"""Both SDKs over the whole list of the server's operations: what the server sent is what the client holds.

The calls are in `tests/clients/calls.json`, in an order in which each finds what it needs, and serve every language. An operation or
a parameter of the server's that no call has fails here, unless `not_called.json` gives the reason; its lines may only become fewer.
"""

import importlib
import json
import re
import subprocess
import urllib.request
import xml.etree.ElementTree as ElementTree

import pytest

from alibabacloud_tea_openapi import models as openapi
from alibabacloud_tea_openapi.client import Client as GenericClient
from alibabacloud_tea_openapi.utils import Utils
from aliyunsdkcore.client import AcsClient
from aliyunsdkcore.request import RpcRequest
from darabonba.runtime import RuntimeOptions

from calls import CALLS, NOT_CALLED, flat, follow, lost, product_and_name
from clients import REGION, snake
from sites import binary, until

VERSIONS = {"Vpc": "2016-04-28", "Cbn": "2017-09-12", "Ram": "2015-05-01", "Sts": "2015-04-01", "Causeway": "2026-11-01"}

# Those whose makers publish a client. Causeway's own operations go through the clients that take any operation.
GENERATED = ["Vpc", "Cbn", "Ram", "Sts"]

# What a model does not hold although the server sends it, and why. The list may only become shorter.
NOT_HELD = {
    "DescribeVpnConnections.VpnConnections.VpnConnection.VpnBgpConfig.EnableBgp":
        "an extension: a list shows of each connection what its description shows",
    "ModifyVpnConnectionAttribute.VcoHealthCheck.Policy":
        "an extension: the answer to a change shows the health check as the description does",
}

# Operations that the older SDK has no class for, and parameters without a setter: they are younger than it, and go through its
# core. The list may only become shorter.
NOT_SETTABLE = {
    "CreateEnhancedVpnGateway",
    "UpdateEnhancedVpnGateway",
    "DeleteEnhancedVpnGateway",
    "Cbn:UpdateTransitRouterVpnAttachmentAttribute.OrderType",
    "Ram:AttachPolicyToRole.ResourceGroupId",
    "Ram:AttachPolicyToUser.ResourceGroupId",
    "Ram:DetachPolicyFromRole.ResourceGroupId",
    "Ram:DetachPolicyFromUser.ResourceGroupId",
    "Ram:CreateRole.AllowConsoleLogin",
    "Ram:UpdateRole.NewAllowConsoleLogin",
}


@pytest.fixture(scope="module")
def operations():
    listed = subprocess.run([binary(), "operations"], check=True, capture_output=True, text=True).stdout
    return json.loads(listed)


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
        credentials = json.loads(file.read_text())
        yield credentials["Endpoint"], (credentials["AccessKeyId"], credentials["AccessKeySecret"])
    finally:
        process.kill()
        process.wait()


def test_every_operation_and_every_parameter_is_called(operations):
    called = {}
    for step in CALLS:
        called.setdefault(product_and_name(step["call"]), {"RegionId"}).update(step["with"])
    absent = set()
    there = {(operation["Product"], operation["Name"]) for operation in operations}
    for operation in operations:
        product, name = operation["Product"], operation["Name"]
        full_name = name if product == "Vpc" else f"{product}:{name}"
        if (product, name) not in called:
            absent.add(full_name)
            continue
        parameters = operation["Parameters"].get("properties", {})
        absent |= {f"{full_name}.{parameter}" for parameter in parameters if parameter not in called[product, name]}
    assert absent - set(NOT_CALLED) == set(), "add them to tests/clients/calls.json"
    assert set(NOT_CALLED) - absent == set(), "they are called now: remove them from tests/clients/not_called.json"
    assert set(called) - there == set(), "they are no operations"
    assert {(entry["Product"], entry["Version"]) for entry in operations} == set(VERSIONS.items())


class Recorded:
    """Before an SDK's client: what it read from the wire is kept beside what it makes of it."""

    def call_api(self, *arguments):
        answer = super().call_api(*arguments)
        self.wire = json.loads(json.dumps(answer["body"]))
        return answer


class NewSdk:
    """The generated clients with their models, and the generic one where there is none; signature V3."""

    def __init__(self, endpoint, key):
        self.config = openapi.Config(
            access_key_id=key[0], access_key_secret=key[1], endpoint=endpoint, protocol="http", region_id=REGION
        )

    def generated(self, product, operation, parameters):
        """What the client made of the answer, and what it does not hold of it."""
        package = f"alibabacloud_{product.lower()}{VERSIONS[product].replace('-', '')}"
        made_by_its_makers = importlib.import_module(f"{package}.client").Client
        client = type(f"Recorded{product}", (Recorded, made_by_its_makers), {})(self.config)
        method = getattr(client, snake(operation))
        model = getattr(importlib.import_module(f"{package}.models"), f"{operation}Request", None)
        if model is None:
            assert parameters == {}, f"{operation} takes no parameters"
            answer = method()
        else:
            request = model()
            if hasattr(request, "region_id"):
                parameters["RegionId"] = REGION
            request.from_map(parameters)
            assert lost(parameters, request.to_map()) == [], f"{product}:{operation} cannot be asked so"
            answer = method(request)
        body = answer.body.to_map()
        return body, lost(client.wire, body)

    def generic(self, product, operation, parameters):
        params = openapi.Params(
            action=operation,
            version=VERSIONS[product],
            protocol="HTTP",
            pathname="/",
            method="POST",
            auth_type="AK",
            style="RPC",
            req_body_type="formData",
            body_type="json",
        )
        request = openapi.OpenApiRequest(query=Utils.query({"RegionId": REGION, **parameters}))
        return GenericClient(self.config).call_api(params, request, RuntimeOptions())["body"]


def test_the_models_of_the_new_sdk_hold_what_the_server_sent(server):
    endpoint, root = server
    losses = []

    def call(product, operation, parameters, key):
        sdk = NewSdk(endpoint, key or root)
        if product not in GENERATED:
            return sdk.generic(product, operation, parameters)
        body, lost_of_it = sdk.generated(product, operation, parameters)
        full_name = operation if product == "Vpc" else f"{product}:{operation}"
        losses.extend(f"{full_name}{where}" for where in lost_of_it)
        return body

    follow(call)
    where = {loss.partition(": ")[0] for loss in losses}
    assert [loss for loss in losses if loss.partition(": ")[0] not in NOT_HELD] == []
    assert set(NOT_HELD) - where == set(), "they are held now: remove them from NOT_HELD"


class OldSdk:
    """The classes of the older packages, and their core alone; signature V1."""

    def __init__(self, endpoint, key):
        self.client = AcsClient(*key, REGION)
        self.endpoint = endpoint

    def ask(self, request, form):
        request.set_endpoint(self.endpoint)
        request.set_protocol_type("http")
        request.set_method("POST")
        request.set_accept_format(form)
        # The one that raises exceptions always asks for JSON.
        return self.client.do_action(request) if form == "XML" else self.client.do_action_with_exception(request)

    def of_core(self, product, operation, parameters):
        request = RpcRequest(product, VERSIONS[product], operation)
        for name, value in {"RegionId": REGION, **parameters}.items():
            for flat_name, flat_value in flat(value, name):
                request.add_query_param(flat_name, flat_value)
        return request

    def of_class(self, product, operation, parameters):
        """A request of the operation's own class, and what its class has no way to set."""
        module = f"aliyunsdk{product.lower()}.request.v{VERSIONS[product].replace('-', '')}.{operation}Request"
        try:
            request = getattr(importlib.import_module(module), f"{operation}Request")()
        except ImportError:
            return self.of_core(product, operation, parameters), [operation]
        absent = []
        for name, value in parameters.items():
            # A list's setter is named in the plural.
            setter = getattr(request, f"set_{name}", None) or getattr(request, f"set_{name}s", None)
            if setter:
                setter(value)
            asked = {**request.get_query_params(), **request.get_body_params()}
            if asked.get(name) == json.dumps(value):  # Those of Ram send a list as one text.
                continue
            for flat_name, flat_value in flat(value, name):
                if flat_name not in asked:
                    absent.append(f"{operation}.{re.sub(r'[.][0-9]+', '', flat_name)}")
                    request.add_query_param(flat_name, flat_value)
        return request, absent


def test_the_classes_of_the_old_sdk_ask_for_every_operation(server):
    endpoint, root = server
    not_settable = set()

    def call(product, operation, parameters, key):
        sdk = OldSdk(endpoint, key or root)
        if product not in GENERATED:
            return json.loads(sdk.ask(sdk.of_core(product, operation, parameters), "JSON"))
        request, absent = sdk.of_class(product, operation, parameters)
        not_settable.update(absent if product == "Vpc" else (f"{product}:{name}" for name in absent))
        return json.loads(sdk.ask(request, "JSON"))

    follow(call)
    assert not_settable - NOT_SETTABLE == set()
    assert NOT_SETTABLE - not_settable == set(), "they have one now: remove them from NOT_SETTABLE"


def test_the_core_of_the_old_sdk_reads_every_answer_as_xml(server):
    endpoint, root = server

    def call(product, operation, parameters, key):
        sdk = OldSdk(endpoint, key or root)
        root_element = ElementTree.fromstring(sdk.ask(sdk.of_core(product, operation, parameters), "XML"))
        assert root_element.tag == f"{operation}Response", ElementTree.tostring(root_element)
        return tree(root_element)

    follow(call)


def tree(element):
    """An XML answer as an object; an element that comes more than once is a list."""
    if len(element) == 0:
        return element.text or ""
    members = {}
    for child in element:
        members.setdefault(child.tag, []).append(tree(child))
    return {name: values if len(values) > 1 else values[0] for name, values in members.items()}
