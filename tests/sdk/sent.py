"""What was sent, until it is read back: what an answer shows of a thing under the name with which it was sent must be what was sent."""

import json

# Requests that take something away; what was sent about it does not matter any more.
AWAY = ("Delete", "Detach", "Dissociate", "Revoke", "Un")
READS = ("Describe", "Get", "List")

# Things that are named and have no id.
NAMES = ("UserName", "RoleName", "PolicyName")


class Sent:
    """For each thing, the values of each parameter that were sent last, under the operation that sent them."""

    def __init__(self):
        self.waiting = {}
        self.differences = []
        self.shown = set()

    def step(self, step, name, parameters, body):
        """A step of `calls.json`, with the parameters that it was sent with and what the client made of the answer."""
        things = things_of(step, name)
        if name.startswith(READS):
            is_a_page = step["with"].get("MaxResults") == 1
            for thing in [] if is_a_page else things:
                self.read(name, body, thing)
        for thing in [] if name.startswith(READS) else things[:1]:
            if name.startswith(AWAY):
                self.waiting.pop(thing, None)
            else:
                self.write(name, parameters, thing)

    def write(self, name, parameters, thing):
        # `NewWeight` is the `Weight` from now on; `Weight` beside it says which one is meant.
        renamed = {member.removeprefix("New") for member in parameters if member.startswith("New")}
        told = {member: value for member, value in parameters.items() if member not in renamed}
        values = {}
        for member, value in leaves(told):
            values.setdefault(member.removeprefix("New"), set()).add(value)
        for member, sent in values.items():
            self.waiting.setdefault(thing, {})[member] = (name, sent)

    def read(self, name, body, thing):
        shown = {}
        for member, value in leaves(body):
            shown.setdefault(member, set()).add(value)
        waiting = self.waiting.get(thing, {})
        for member in waiting.keys() & shown.keys():
            operation, values = waiting.pop(member)
            self.shown.add(f"{operation}.{member}")
            if not values <= shown[member]:
                self.differences.append(f"{operation}.{member} was {values}, and {name} shows {shown[member]}")


def things_of(step, name):
    """What a step is about, by the names of its captures; what is made now comes first."""
    made = [f"${capture}" for capture in step.get("capture", {})] if name.startswith("Create") else []
    given = [first(value) for value in step["with"].values()]
    ids = [value for value in given if isinstance(value, str) and value.startswith("$")]
    names = [step["with"][member] for member in NAMES if member in step["with"]]
    # A route has no id: it is the gateway's or the connection's.
    return [f"{thing} route" if "RouteEntr" in name else thing for thing in made + ids + names]


def first(value):
    return value[0] if isinstance(value, list) and value else value


def leaves(value, name=""):
    """Name and text of everything that is not an object or a list, also inside of JSON that is sent as text."""
    if isinstance(value, str) and value[:1] in ("{", "["):
        value = json.loads(value)
    if isinstance(value, dict):
        return [leaf for member, inner in value.items() for leaf in leaves(inner, member)]
    if isinstance(value, list):
        return [leaf for inner in value for leaf in leaves(inner, name)]
    return [(name, str(value).lower())]
