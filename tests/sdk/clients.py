"""Both official Python SDKs behind one small face: an operation's name and its parameters.

The clients are used as their makers publish them. What differs between them is only how a request is
spelled: `alibabacloud_vpc20160428` has snake_case models and signs with ACS3-HMAC-SHA256,
`aliyun-python-sdk-vpc` has setters and signs with HMAC-SHA1.
"""

import dataclasses
import importlib
import json
import re

from Tea.exceptions import TeaException
from alibabacloud_tea_openapi import models as openapi
from alibabacloud_tea_openapi.exceptions import AlibabaCloudException
from alibabacloud_vpc20160428 import models as vpc_models
from alibabacloud_vpc20160428.client import Client as VpcClient
from aliyunsdkcore.acs_exception.exceptions import ServerException
from aliyunsdkcore.client import AcsClient

ENDPOINT = "127.0.0.1:8686"
REGION = "eu-central-1"


@dataclasses.dataclass
class Refused(Exception):
    """A refusal as the SDK parsed it."""

    code: str
    status: int
    message: str
    retry_after_ms: int | None = None

    def __str__(self):
        return f"{self.status} {self.code}: {self.message}"


def snake(name):
    return re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "_", name).lower()


class NewSdk:
    """alibabacloud_vpc20160428: the generated SDK, signature V3."""

    name = "alibabacloud_vpc20160428"

    def __init__(self, key, secret, **options):
        self.client = VpcClient(
            openapi.Config(
                access_key_id=key,
                access_key_secret=secret,
                endpoint=ENDPOINT,
                protocol="http",
                region_id=REGION,
                **options,
            )
        )

    def call(self, operation, **parameters):
        request = getattr(vpc_models, f"{operation}Request")()
        request = request.from_map({"RegionId": REGION, **parameters})
        try:
            response = getattr(self.client, snake(operation))(request)
        except AlibabaCloudException as error:
            retry = getattr(error, "retry_after", None)
            raise Refused(error.code, error.status_code, error.message, retry) from error
        except TeaException as error:
            raise Refused(error.code, error.statusCode, error.message) from error
        return response.body.to_map()


class OldSdk:
    """aliyun-python-sdk-core with aliyun-python-sdk-vpc, signature V1."""

    name = "aliyun-python-sdk-vpc"

    def __init__(self, key, secret):
        self.client = AcsClient(key, secret, REGION)

    def call(self, operation, **parameters):
        module = importlib.import_module(f"aliyunsdkvpc.request.v20160428.{operation}Request")
        request = getattr(module, f"{operation}Request")()
        request.set_endpoint(ENDPOINT)
        request.set_protocol_type("http")
        request.set_accept_format("json")
        for name, value in parameters.items():
            getattr(request, f"set_{name}")(value)
        try:
            return json.loads(self.client.do_action_with_exception(request))
        except ServerException as error:
            raise Refused(error.get_error_code(), error.get_http_status(), error.get_error_msg()) from error


BOTH = [NewSdk, OldSdk]
