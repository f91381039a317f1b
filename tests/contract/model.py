"""The simulator's answers against AWS's own models of its services, which botocore ships.

boto3 leaves out of an answer what it does not know, and would not notice a wrong name. This
looks at each answer as it came: everything in it must be a member of the operation's output,
with a text of the member's type; and errors must be those that the operation declares.
"""

import json
import re
from xml.etree import ElementTree

# Errors that every operation may answer. Source: "Common errors" in each service's API reference;
# the EC2 model declares none, so for EC2 the checks themselves say which.
COMMON = {
    "AccessDenied", "AccessDeniedException", "ExpiredToken", "ExpiredTokenException",
    "InternalFailure", "InvalidAction", "InvalidClientTokenId", "InvalidParameterCombination",
    "InvalidParameterValue", "MissingParameter", "RequestThrottled", "SerializationException",
    "Throttling", "ThrottlingException", "UnrecognizedClientException", "ValidationError",
    "ValidationException", "UnknownOperationException",
}
TIME = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?Z")


# The operations that were answered, as (service, operation): `ec2`, `DescribeVolumes`.
ANSWERED = set()


class Unmodelled(AssertionError):
    """An answer is not what AWS's model says."""


def watch(client) -> None:
    """Looks at everything that this client is answered."""
    client.meta.events.register("before-parse.*.*", look)


def look(operation_model, response_dict, **_) -> None:
    protocol = operation_model.service_model.protocol
    body = response_dict["body"]
    operation = operation_model.name
    if response_dict["status_code"] >= 300:
        look_at_error(operation_model, response_dict)
        return
    ANSWERED.add((operation_model.service_model.signing_name, operation))
    if protocol == "json":
        if operation_model.output_shape:
            json_value(operation_model.output_shape, json.loads(body), operation)
    else:
        root = ElementTree.fromstring(body)
        if protocol == "query" and operation_model.output_shape:
            wrapper = operation_model.output_shape.serialization["resultWrapper"]
            root = next(it for it in root if name_of(it) == wrapper)
        for it in [it for it in root if name_of(it) == "requestId"]:
            root.remove(it)
        if operation_model.output_shape:
            xml_value(operation_model.output_shape, root, operation)


def look_at_error(operation_model, response_dict) -> None:
    protocol, body = operation_model.service_model.protocol, response_dict["body"]
    if protocol == "ec2":
        return
    if protocol == "json":
        code = json.loads(body)["__type"].split("#")[-1]
    else:
        code = next(it.text for it in ElementTree.fromstring(body).iter() if name_of(it) == "Code")
    declared = {}
    for shape in operation_model.error_shapes:
        about = shape.metadata.get("error", {})
        # JSON services write the shape's name; the others have a code of their own.
        named = shape.name if protocol == "json" else about.get("code", shape.name)
        declared[named] = about.get("httpStatusCode", 400)
    expected = declared.get(code)
    if expected is None and code not in COMMON:
        raise Unmodelled(f"{operation_model.name} declares no error {code}")
    # A JSON service answers 400 whatever its model says.
    if protocol == "query" and expected not in (None, response_dict["status_code"]):
        raise Unmodelled(f"{code} with HTTP {response_dict['status_code']}, model: {expected}")


def name_of(element) -> str:
    return element.tag.rsplit("}", 1)[-1]


def xml_value(shape, element, path: str) -> None:
    if shape.type_name == "structure":
        members = {}
        for name, member in shape.members.items():
            members[xml_name(name, member)] = member
        seen = set()
        for child in element:
            name = name_of(child)
            if name not in members:
                raise Unmodelled(f"{path} has no member {name}, only {sorted(members)}")
            flattened = members[name].serialization.get("flattened")
            if name in seen and not flattened:
                raise Unmodelled(f"{path} has {name} twice")
            seen.add(name)
            if flattened:
                xml_value(members[name].member, child, f"{path}.{name}")
            else:
                xml_value(members[name], child, f"{path}.{name}")
    elif shape.type_name == "list":
        expected = shape.member.serialization.get("name", "member")
        for child in element:
            if name_of(child) != expected:
                raise Unmodelled(f"{path} lists {name_of(child)} instead of {expected}")
            xml_value(shape.member, child, f"{path}[]")
    elif shape.type_name != "map":
        text(shape, element.text or "", path)


def xml_name(name: str, member) -> str:
    if member.type_name == "list" and member.serialization.get("flattened"):
        return member.member.serialization.get("name", name)
    return member.serialization.get("name", name)


def text(shape, found: str, path: str) -> None:
    kind = shape.type_name
    right = {
        "boolean": lambda: found in ("true", "false"),
        "integer": lambda: found.lstrip("-").isdigit(),
        "long": lambda: found.lstrip("-").isdigit(),
        "timestamp": lambda: TIME.fullmatch(found),
        # An empty text stands for nothing.
        "string": lambda: not found or not shape.enum or found in shape.enum,
    }.get(kind, lambda: True)
    if not right():
        raise Unmodelled(f"{path} is {found!r}, no {kind} {shape.enum if kind == 'string' else ''}")


def json_value(shape, found, path: str) -> None:
    kind = shape.type_name
    if kind == "structure":
        if not isinstance(found, dict):
            raise Unmodelled(f"{path} is {found!r}, no structure")
        for name, value in found.items():
            if name not in shape.members:
                raise Unmodelled(f"{path} has no member {name}, only {sorted(shape.members)}")
            json_value(shape.members[name], value, f"{path}.{name}")
        for name in shape.required_members:
            if name not in found:
                raise Unmodelled(f"{path} lacks {name}")
    elif kind == "list":
        for value in found:
            json_value(shape.member, value, f"{path}[]")
    elif kind == "map":
        for key, value in found.items():
            json_value(shape.value, value, f"{path}[{key}]")
    else:
        enum = getattr(shape, "enum", [])
        whole = isinstance(found, int) and not isinstance(found, bool)
        right = {
            "boolean": isinstance(found, bool),
            "integer": whole,
            "long": whole,
            "double": isinstance(found, (int, float)),
            "timestamp": isinstance(found, (int, float)) and not isinstance(found, bool),
            "string": isinstance(found, str) and (not enum or found in enum),
            "blob": isinstance(found, str),
        }.get(kind, True)
        if not right:
            raise Unmodelled(f"{path} is {found!r}, no {kind}")
