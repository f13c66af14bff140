"""The calls of `tests/clients/calls.json`, which serve every language: sent in their order, each with what earlier ones captured."""

import json
import pathlib
import re
import time

from sent import Sent

CLIENTS = pathlib.Path(__file__).resolve().parents[1] / "clients"
CALLS = json.loads((CLIENTS / "calls.json").read_text())
NOT_CALLED = json.loads((CLIENTS / "not_called.json").read_text())


def product_and_name(call):
    """`Cbn:TagResources` as its parts; without a product it is Vpc's."""
    product, _, name = call.rpartition(":")
    return product or "Vpc", name


def filled(value, captured):
    """A sample with the ids that are known by now."""
    if isinstance(value, dict):
        return {name: filled(member, captured) for name, member in value.items()}
    if isinstance(value, list):
        return [filled(member, captured) for member in value]
    if not isinstance(value, str):
        return value
    return re.sub(r"\$([a-z0-9_]+)", lambda name: captured[name[1]], value)


def found(body, path):
    for part in path.split("."):
        if isinstance(body, list):
            body = body[int(part)]
        elif part != "0":  # XML does not tell a list of one from its element.
            body = body[part]
    return body


def same(shown, wanted):
    """In XML, and in some members of JSON too, everything is text."""
    return str(shown).lower() == str(wanted).lower()


def follow(call):
    """Sends all calls, in their order, some until what they wait for is so, and captures what later ones need. What is shown later of
    what was sent must be what was sent.

    `call` is given the product, the operation, the parameters, and the AccessKey where it is not the account's own.
    """
    captured = {}
    sent = Sent()
    for step in CALLS:
        product, name = product_and_name(step["call"])
        key = filled(step.get("as"), captured)
        deadline = time.monotonic() + 20
        while True:
            body = call(product, name, filled(step["with"], captured), key)
            assert body["RequestId"], step["call"]
            wanted = filled(step.get("until", {}), captured)
            if all(same(found(body, path), value) for path, value in wanted.items()):
                break
            assert time.monotonic() < deadline, f"{step} is still {body}"
            time.sleep(0.02)
        for capture, path in step.get("capture", {}).items():
            captured[capture] = found(body, path)
        sent.step(step, name, filled(step["with"], captured), body)
    assert sent.differences == [], sent.differences
    # So many parameters came back: the list of what is compared is not empty by mistake.
    assert len(sent.shown) > 150, len(sent.shown)


def lost(wire, model, path=""):
    """Where the model does not hold what came over the wire."""
    if isinstance(wire, dict) and isinstance(model, dict):
        return [where for name in wire for where in lost(wire[name], model.get(name), f"{path}.{name}")]
    if isinstance(wire, list) and isinstance(model, list) and len(wire) == len(model):
        return [where for a, b in zip(wire, model) for where in lost(a, b, path)]
    return [] if wire == model else [f"{path}: {wire!r} is held as {model!r}"]


def flat(value, name):
    """The parameters of a nested one, as all clients spell them."""
    if isinstance(value, dict):
        return [pair for member, inner in value.items() for pair in flat(inner, f"{name}.{member}")]
    if isinstance(value, list):
        return [pair for index, inner in enumerate(value, 1) for pair in flat(inner, f"{name}.{index}")]
    return [(name, str(value))]
