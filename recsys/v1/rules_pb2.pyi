from google.protobuf.internal import enum_type_wrapper as _enum_type_wrapper
from google.protobuf import descriptor as _descriptor
from google.protobuf import message as _message
from typing import ClassVar as _ClassVar, Optional as _Optional, Union as _Union

DESCRIPTOR: _descriptor.FileDescriptor

class StockRule(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    STOCK_RULE_UNSPECIFIED: _ClassVar[StockRule]
    STOCK_RULE_AUTO: _ClassVar[StockRule]
    STOCK_RULE_STORE: _ClassVar[StockRule]
    STOCK_RULE_ONLINE: _ClassVar[StockRule]
    STOCK_RULE_ANYWHERE: _ClassVar[StockRule]
STOCK_RULE_UNSPECIFIED: StockRule
STOCK_RULE_AUTO: StockRule
STOCK_RULE_STORE: StockRule
STOCK_RULE_ONLINE: StockRule
STOCK_RULE_ANYWHERE: StockRule

class Rules(_message.Message):
    __slots__ = ("in_stock",)
    IN_STOCK_FIELD_NUMBER: _ClassVar[int]
    in_stock: StockRule
    def __init__(self, in_stock: _Optional[_Union[StockRule, str]] = ...) -> None: ...
