"""The protocol from outside, without an SDK: what a client that misbehaves, or does it differently, is told."""

import base64
import datetime
import hashlib
import hmac
import http.client
import json
import re
import urllib.parse
import uuid
import xml.etree.ElementTree as xml

import pytest

from sites import Gateway

HOST = "127.0.0.1:8686"


@pytest.fixture(scope="module")
def gateway(hosts, tmp_path_factory):
    gateway = Gateway(tmp_path_factory.mktemp("protocol"), "", ["--engine", "none"])
    try:
        yield gateway.start()
    finally:
        gateway.stop()


def encode(text):
    return urllib.parse.quote(text, safe="-_.~")


def signed(gateway, method, parameters, minutes=0):
    """The parameters with all that signature V1 adds."""
    credentials = gateway.credentials()
    moment = datetime.datetime.now(datetime.timezone.utc) + datetime.timedelta(minutes=minutes)
    common = {
        "Version": "2016-04-28",
        "AccessKeyId": credentials["AccessKeyId"],
        "SignatureMethod": "HMAC-SHA1",
        "SignatureVersion": "1.0",
        "SignatureNonce": str(uuid.uuid4()),
        "Timestamp": moment.strftime("%Y-%m-%dT%H:%M:%SZ"),
    }
    everything = {**common, **parameters}
    canonical = "&".join(f"{encode(name)}={encode(value)}" for name, value in sorted(everything.items()))
    text = f"{method}&%2F&{encode(canonical)}"
    key = credentials["AccessKeySecret"] + "&"
    digest = hmac.new(key.encode(), text.encode(), hashlib.sha1).digest()
    return {**everything, "Signature": base64.b64encode(digest).decode()}


def send(method, query=None, body=None, headers=None, chunked=False):
    connection = http.client.HTTPConnection(HOST, timeout=10)
    target = "/?" + urllib.parse.urlencode(query) if query else "/"
    connection.request(method, target, body, headers or {}, encode_chunked=chunked)
    answer = connection.getresponse()
    content = answer.read()
    connection.close()
    return answer, content


def refused(answer, content, status, code):
    body = json.loads(content)
    assert (answer.status, body["Code"]) == (status, code), content
    assert set(body) >= {"RequestId", "HostId", "Code", "Message", "Recommend"}
    assert all(isinstance(value, str) for name, value in body.items() if name != "AccessDeniedDetail")
    return body


def test_a_request_is_accepted_once(gateway):
    query = signed(gateway, "GET", {"Action": "DescribeRegions"})
    answer, content = send("GET", query)
    assert answer.status == 200, content
    answer, content = send("GET", query)
    refused(answer, content, 400, "SignatureNonceUsed")


def test_a_wrong_signature_is_answered_with_the_servers_string_to_sign(gateway):
    query = signed(gateway, "GET", {"Action": "DescribeRegions"})
    query["Signature"] = base64.b64encode(b"\0" * 20).decode()
    answer, content = send("GET", query)
    body = refused(answer, content, 400, "SignatureDoesNotMatch")
    start = "Specified signature is not matched with our calculation. server string to sign is:GET&%2F&"
    assert body["Message"].startswith(start), body


@pytest.mark.parametrize("minutes", [-20, 20])
def test_a_clock_that_is_off_is_told_the_servers_time_and_the_difference(gateway, minutes):
    query = signed(gateway, "GET", {"Action": "DescribeRegions"}, minutes=minutes)
    answer, content = send("GET", query)
    body = refused(answer, content, 400, "InvalidTimeStamp.Expired")
    today = datetime.datetime.now(datetime.timezone.utc).strftime("%Y-%m-%dT")
    assert today in body["Message"] and re.search("(19|20) min", body["Message"]), body


def test_everything_in_a_chunked_form(gateway):
    form = signed(gateway, "POST", {"Action": "CreateCustomerGateway", "RegionId": "eu-central-1", "IpAddress": "203.0.113.9"})
    encoded = urllib.parse.urlencode(form).encode()
    pieces = (encoded[at : at + 7] for at in range(0, len(encoded), 7))
    headers = {"Content-Type": "application/x-www-form-urlencoded", "Transfer-Encoding": "chunked"}
    answer, content = send("POST", body=pieces, headers=headers, chunked=True)
    assert answer.status == 200, content
    assert json.loads(content)["IpAddress"] == "203.0.113.9"


def test_answers_and_refusals_in_xml(gateway):
    answer, content = send("GET", signed(gateway, "GET", {"Action": "DescribeRegions", "Format": "XML"}))
    assert answer.status == 200 and answer.getheader("Content-Type") == "text/xml;charset=utf-8"
    root = xml.fromstring(content)
    assert root.tag == "DescribeRegionsResponse"
    assert "eu-central-1" in [region.text for region in root.findall("Regions/Region/RegionId")]
    query = signed(gateway, "GET", {"Action": "DescribeVpnConnection", "RegionId": "eu-central-1", "Format": "xml"})
    answer, content = send("GET", query)
    root = xml.fromstring(content)
    assert (answer.status, root.tag, root.findtext("Code")) == (400, "Error", "MissingVpnConnectionId")


def test_what_http_itself_must_refuse(gateway):
    answer, content = send("PUT", {"Action": "DescribeRegions"})
    refused(answer, content, 403, "UnsupportedHTTPMethod")
    answer, content = send("POST", {"Action": "DescribeRegions"}, body=b"x" * (1 << 20) + b"xx")
    refused(answer, content, 413, "RequestTooLarge")
    answer, content = send("GET", {"Action": "DescribeRegions"})
    refused(answer, content, 400, "MissingParameter")


def test_an_unknown_action_and_a_wrong_version(gateway):
    answer, content = send("GET", signed(gateway, "GET", {"Action": "DescribeNothing"}))
    refused(answer, content, 404, "InvalidAction.NotFound")
    answer, content = send("GET", signed(gateway, "GET", {"Action": "DescribeRegions", "Version": "2014-05-26"}))
    refused(answer, content, 400, "InvalidVersion")


def test_a_parameter_that_is_wrong_is_named_with_what_would_be_right(gateway):
    parameters = {"Action": "DescribeCustomerGateways", "RegionId": "eu-central-1", "PageSize": "500"}
    answer, content = send("GET", signed(gateway, "GET", parameters))
    body = refused(answer, content, 400, "InvalidPageSize")
    assert "50" in body["Recommend"], body
