"""The messages and methods of PROTOCOL.md 7.1, described here once more and by hand: an independent reading of the wire format."""

from google.protobuf import descriptor_pb2, descriptor_pool, message_factory, struct_pb2

_file = descriptor_pb2.FileDescriptorProto(name="hyper_by_hand.proto", syntax="proto3", dependency=["google/protobuf/struct.proto"])
_struct = ".google.protobuf.Struct"
_field = descriptor_pb2.FieldDescriptorProto


def _message(name, *fields):
    message = _file.message_type.add(name=name)
    for number, (field, kind) in enumerate(fields, start=1):
        added = message.field.add(name=field, number=number, label=_field.LABEL_OPTIONAL)
        if isinstance(kind, str):
            added.type, added.type_name = _field.TYPE_MESSAGE, kind
        else:
            added.type = kind


_message("Request", ("method", _field.TYPE_STRING), ("params", _struct), ("id", _field.TYPE_STRING), ("clientName", _field.TYPE_STRING))
_message("Response", ("id", _field.TYPE_STRING), ("result", _struct), ("error", ".Error"))
_message("Error", ("code", _field.TYPE_INT32), ("message", _field.TYPE_STRING), ("data", _struct))

_pool = descriptor_pool.Default()
_pool.Add(_file)
Request, Response, Error = (message_factory.GetMessageClass(_pool.FindMessageTypeByName(n)) for n in ("Request", "Response", "Error"))

CALL, SERVER_CALL = "/Hyper/Call", "/Hyper/ServerCall"


def struct(members):
    value = struct_pb2.Struct()
    value.update(members)
    return value


def response(id, **members):
    message = Response(id=id)
    message.result.update(members)
    return message
