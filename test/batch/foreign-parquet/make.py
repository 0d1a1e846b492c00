"""Writes the files of this folder: Parquet as others write it and DuckDB does not. Made with pyarrow 26.0.1."""

import datetime
from decimal import Decimal
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

FOLDER = Path(__file__).parent
ROWS = 60
START = datetime.datetime(2026, 1, 1, tzinfo=datetime.timezone.utc)
MICROSECOND = datetime.timedelta(microseconds=1)
DAY = datetime.timedelta(days=1)


def column(value, every=7):
    """A value of each row, null in every seventh."""
    return [None if row % every == 3 else value(row) for row in range(ROWS)]


def write(name, arrays, fields=(), **options):
    """Every file begins with the event time and the join key that its rows need."""
    rows = {
        "at": pa.array([START + row * MICROSECOND for row in range(ROWS)], pa.timestamp("us", "UTC")),
        "user": pa.array([f"user-{row % 9}" for row in range(ROWS)], pa.string()),
    }
    table = pa.table({**rows, **arrays})
    if fields:
        table = table.cast(pa.schema([table.field("at"), table.field("user"), *fields]))
    pq.write_table(table, FOLDER / f"{name}.parquet", **{"row_group_size": 25, **options})


def time(row):
    """Before and after the epoch, and not whole milliseconds."""
    return datetime.datetime(1970, 1, 1, tzinfo=datetime.timezone.utc) + (row - 20) * 97 * DAY + row * 1001 * MICROSECOND


TRUNCATED = {"allow_truncated_timestamps": True}
times = column(time)
whole = column(lambda row: time(row).replace(microsecond=row * 1000))

# Spark and Impala, for long; in a column with a dictionary, and in one without.
write(
    "int96",
    {"time": pa.array(times, pa.timestamp("us", "UTC")), "plain": pa.array(times, pa.timestamp("ns", "UTC"))},
    use_deprecated_int96_timestamps=True,
    use_dictionary=["time"],
)
# Format 1.0 has only the older annotations.
write("millis", {"time": pa.array(whole, pa.timestamp("ms", "UTC"))}, version="1.0", coerce_timestamps="ms", **TRUNCATED)
write("micros", {"time": pa.array(times, pa.timestamp("us"))}, version="1.0", coerce_timestamps="us")
write("nanos", {"time": pa.array(times, pa.timestamp("ns", "UTC"))}, version="2.6")
write("date", {"time": pa.array(column(lambda row: time(row).date()), pa.date32())})

cents = column(lambda row: Decimal((row - 30) * 1_234_567).scaleb(-2))
large = column(lambda row: Decimal((row - 30) * (10**34 + 7)).scaleb(-4))
decimals = {
    "short": pa.array(cents, pa.decimal128(9, 2)),
    "long": pa.array(column(lambda row: Decimal((row - 30) * (10**15 + 3)).scaleb(-3)), pa.decimal128(18, 3)),
    "wide": pa.array(large, pa.decimal128(38, 4)),
    "whole": pa.array(column(lambda row: Decimal((row - 30) * (10**16 + 1))), pa.decimal128(18, 0)),
    "wider": pa.array(column(lambda row: Decimal(row - 30)), pa.decimal128(30, 0)),
}
write("decimal-integers", decimals, store_decimal_as_integer=True)
write("decimal-bytes", decimals, use_dictionary=False)

integers = column(lambda row: (row - 30) * 3_000_000_019 * (row % 5))
numbers = {
    "int": pa.array(integers, pa.int64()),
    "small": pa.array(column(lambda row: (row - 30) * 71_582_788), pa.int32()),
    "unsigned": pa.array(column(lambda row: row * 71_582_788), pa.uint32()),
    "float": pa.array(column(lambda row: (row - 30) / 7 if row % 11 else -0.0), pa.float64()),
    "single": pa.array(column(lambda row: (row - 30) / 8), pa.float32()),
    "text": pa.array(column(lambda row: f"aü😀{'x' * (row % 13)}{row}" if row % 5 else ""), pa.string()),
    "flag": pa.array(column(lambda row: row % 3 == 0), pa.bool_()),
    "empty": pa.array([None] * ROWS, pa.int64()),
}
encodings = {
    "int": "DELTA_BINARY_PACKED",
    "small": "DELTA_BINARY_PACKED",
    "unsigned": "DELTA_BINARY_PACKED",
    "float": "BYTE_STREAM_SPLIT",
    "single": "BYTE_STREAM_SPLIT",
    "text": "DELTA_BYTE_ARRAY",
    "flag": "RLE",
    "empty": "DELTA_BINARY_PACKED",
}
for page in ["1.0", "2.0"]:
    name = f"encodings-v{page[0]}"
    options = {"data_page_version": page, "use_dictionary": False}
    write(name, numbers, column_encoding=encodings, compression="zstd", **options)
write(
    "delta-lengths",
    {"text": numbers["text"]},
    column_encoding={"text": "DELTA_LENGTH_BYTE_ARRAY"},
    use_dictionary=False,
)
for codec in ["snappy", "gzip", "zstd", "lz4", "brotli", "none"]:
    write(f"v2-{codec}", numbers, compression=codec, data_page_version="2.0")

items = column(lambda row: None if row % 5 == 1 else [None if row % 4 == at else row * at for at in range(row % 4)])
lists = {
    "ints": pa.array(items, pa.list_(pa.int64())),
    "texts": pa.array(column(lambda row: [f"t{at}" for at in range(row % 3)]), pa.list_(pa.string())),
    "times": pa.array(column(lambda row: [time(row), None][: row % 3]), pa.list_(pa.timestamp("us", "UTC"))),
}
# `list.item`, as Arrow called it before the format's rule was followed.
write("lists-item", lists, use_compliant_nested_type=False)
write("lists-v2", lists, data_page_version="2.0", compression="zstd", use_dictionary=False)
# Lists, items or both that are never null: other levels say the same.
full = [[row * at for at in range(row % 4)] for row in range(ROWS)]
holey = [[None if row % 4 == at else row * at for at in range(row % 4)] for row in range(ROWS)]
item = pa.field("element", pa.int64(), nullable=False)
required = {
    "items": (column(lambda row: full[row]), pa.field("items", pa.list_(item))),
    "list": (holey, pa.field("list", pa.list_(pa.int64()), nullable=False)),
    "both": (full, pa.field("both", pa.list_(item), nullable=False)),
}
write(
    "lists-required",
    {name: pa.array(values, field.type) for name, (values, field) in required.items()},
    fields=[field for _, field in required.values()],
)

# What the store has no type for.
write(
    "no-counterpart",
    {
        "time_of_day": pa.array(column(lambda row: datetime.time(row % 24)), pa.time64("us")),
        "struct": pa.array(column(lambda row: {"a": row}), pa.struct([("a", pa.int64())])),
        "map": pa.array(column(lambda row: [("a", row)]), pa.map_(pa.string(), pa.int64())),
        "nested": pa.array(column(lambda row: [[row]]), pa.list_(pa.list_(pa.int64()))),
    },
)
