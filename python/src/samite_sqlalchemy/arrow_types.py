"""From Arrow types to SQLAlchemy types. Values need no conversion: the driver gives Python's own."""

import pyarrow as pa
from sqlalchemy import types


class Nested(types.UserDefinedType):
    """A list, struct or map. Its values are lists and dictionaries."""

    cache_ok = True

    def __init__(self, name="STRUCT"):
        self.name = name

    def get_col_spec(self, **_):
        return self.name


class Binary(types.LargeBinary):
    """Bytes, which the driver takes and gives as they are."""

    def bind_processor(self, dialect):
        return None

    def result_processor(self, dialect, coltype):
        return None


def of_arrow(data_type):
    """The SQLAlchemy type of an Arrow type."""
    for is_it, make in _TYPES:
        if is_it(data_type):
            return make(data_type)
    return types.NullType()


def _numeric(data_type):
    return types.DECIMAL(data_type.precision, data_type.scale)


_TYPES = (
    (pa.types.is_boolean, lambda _: types.BOOLEAN()),
    (lambda t: t in (pa.int8(), pa.int16(), pa.uint8()), lambda _: types.SMALLINT()),
    (lambda t: t in (pa.int32(), pa.uint16()), lambda _: types.INTEGER()),
    (lambda t: t in (pa.int64(), pa.uint32()), lambda _: types.BIGINT()),
    (lambda t: t == pa.uint64(), lambda _: types.DECIMAL(20, 0)),
    (lambda t: t in (pa.float16(), pa.float32()), lambda _: types.REAL()),
    (lambda t: t == pa.float64(), lambda _: types.FLOAT(53)),
    (pa.types.is_decimal, _numeric),
    (pa.types.is_date, lambda _: types.DATE()),
    (pa.types.is_time, lambda _: types.TIME()),
    (pa.types.is_timestamp, lambda t: types.TIMESTAMP(timezone=t.tz is not None)),
    (pa.types.is_duration, lambda _: types.Interval()),
    (lambda t: pa.types.is_string(t) or pa.types.is_large_string(t), lambda _: types.VARCHAR()),
    (lambda t: pa.types.is_binary(t) or pa.types.is_large_binary(t) or pa.types.is_fixed_size_binary(t), lambda _: types.VARBINARY()),
    (pa.types.is_map, lambda _: Nested("MAP")),
    (pa.types.is_struct, lambda _: Nested("STRUCT")),
    (pa.types.is_nested, lambda _: Nested("LIST")),
)
