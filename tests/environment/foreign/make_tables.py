"""Makes the tables and raw files of this folder with a real Spark: what other writers leave, for the tests to read.

    python3.11 -m venv spark && spark/bin/pip install pyspark==4.0.1 delta-spark==4.0.0
    spark/bin/python tests/environment/foreign/make_tables.py [--jars FOLDER] [--only NAME,...]

Java 17 is needed, and the JAR files of io.delta:delta-spark_2.13:4.0.0: in the folder `--jars`, else Spark fetches them
from Maven Central. Each table becomes a zip file of a few kilobytes beside this script, without Spark's checksums. They
are committed; this runs again only when a table is added or another version of Spark shall count.

Each table has 48 rows, hourly from 2025-12-01, of one sensor: `ROWS` says which values. What a table has beside that,
and which rows were added or deleted, is in its lines of `TABLES`.
"""

import argparse
import shutil
import tempfile
import zipfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from delta.tables import DeltaTable, IdentityGenerator
from pyspark.sql import SparkSession

HERE = Path(__file__).resolve().parent
PACKAGE = "io.delta:delta-spark_2.13:4.0.0"
FIRST_S = 1_764_547_200

COLUMNS = {
    "timestamp": "TIMESTAMP",
    "sensor_id": "STRING",
    "temperature": "DOUBLE",
    "pressure": "DOUBLE",
    "vibration": "DOUBLE",
    "date": "DATE",
}
ROWS = (
    f"SELECT timestamp_seconds({FIRST_S} + id * 3600) AS timestamp, 'SENSOR_P001_C001' AS sensor_id, "
    "20.5D + id % 24 AS temperature, 5D + id % 24 / 100D AS pressure, 2D + id % 24 / 10D AS vibration, "
    f"CAST(timestamp_seconds({FIRST_S} + id * 3600) AS DATE) AS date FROM range({{first}}, {{end}}, 1, 1)"
)
DAY = ROWS.format(first=48, end=72)
ODD_ROW = "INSERT INTO {t} VALUES (timestamp'{time}', {sensor}, {values}, date'{date}')"
SHORTENED = "DELETE FROM {t} WHERE timestamp >= timestamp'2025-12-02 12:00:00'"


@dataclass(frozen=True, kw_only=True)
class Table:
    """How a table is made: columns other than COLUMNS and other names of them, its properties, what it is created with,
    the values of more columns, and what follows."""

    columns: dict[str, str]
    renamed: dict[str, str]
    properties: dict[str, str]
    clause: str = ""
    also: str = ""
    after: tuple[str, ...] = ()
    built: str = ""


def table(
    *after: str,
    clause: str = "",
    also: str = "",
    built: str = "",
    properties: dict[str, str] | None = None,
    renamed: dict[str, str] | None = None,
    **columns: str,
) -> Table:
    return Table(
        columns=columns,
        renamed=renamed or {},
        properties=properties or {},
        clause=clause,
        also=also,
        built=built,
        after=after,
    )


def odd(time: str, date: str, *, sensor: str = "'SENSOR_P001_C001'", values: str = "1D, 1D, 1D") -> str:
    return ODD_ROW.format(t="{t}", time=time, sensor=sensor, values=values, date=date)


VECTORS = {"delta.enableDeletionVectors": "true"}
TABLES = {
    "plain": table(),
    "append_only": table(properties={"delta.appendOnly": "true"}),
    "bigint": table(temperature="BIGINT"),
    "capital_letter": table(renamed={"temperature": "Temperature"}),
    "change_data_feed": table(SHORTENED, properties={"delta.enableChangeDataFeed": "true"}),
    "check_constraint": table("ALTER TABLE {t} ADD CONSTRAINT plausible CHECK (temperature < 1000)"),
    "checkpoint_protection": table(properties={"delta.feature.checkpointProtection": "supported"}),
    "column_default": table(
        pressure="DOUBLE DEFAULT 5.0", properties={"delta.feature.allowColumnDefaults": "supported"}
    ),
    "column_mapping_id": table(properties={"delta.columnMapping.mode": "id"}),
    "column_mapping_name": table(properties={"delta.columnMapping.mode": "name"}),
    "date_as_text": table(date="STRING"),
    "decimal": table(temperature="DECIMAL(10,2)"),
    "deletion_vectors": table(SHORTENED, properties=VECTORS),
    "deletion_vector_of_a_whole_day": table("DELETE FROM {t} WHERE date = date'2025-12-02'", properties=VECTORS),
    "deletion_vector_of_the_future": table(
        "INSERT INTO {t} VALUES (timestamp'2030-01-01 00:00:00', 'SENSOR_P001_C001', 1, 1, 1, date'2030-01-01'), "
        "(timestamp'2025-12-02 23:30:00', 'SENSOR_P001_C001', 1, 1, 1, date'2025-12-02')",
        "DELETE FROM {t} WHERE date > date'2026-01-01'",
        properties=VECTORS,
    ),
    "float": table(temperature="FLOAT"),
    "generated_date": table(built="generated"),
    "iceberg": table(properties={"delta.enableIcebergCompatV2": "true", "delta.columnMapping.mode": "name"}),
    "identity": table(built="identity"),
    "in_commit_timestamp": table(properties={"delta.enableInCommitTimestamps": "true"}),
    "liquid_clustering": table("OPTIMIZE {t}", built="clustered"),
    "local_date": table(odd("2025-12-02 23:30:00", "2025-12-03")),
    "many_columns": table(**{f"f{number:02}": "DOUBLE" for number in range(32)}),
    "nested": table(
        also="named_struct('line', 'A', 'tags', map('a', 'b')), array(1, 2), X'00FF', true, 7",
        place="STRUCT<line: STRING, tags: MAP<STRING, STRING>>",
        seen="ARRAY<INT>",
        blob="BINARY",
        ok="BOOLEAN",
        count="INT",
    ),
    "not_a_number": table(odd("2025-12-03 00:00:00", "2025-12-03", values="double('NaN'), -0.0D, NULL")),
    "not_null_feature": table(temperature="DOUBLE NOT NULL"),
    "not_null_key": table(timestamp="TIMESTAMP NOT NULL", sensor_id="STRING NOT NULL"),
    "null_sensor": table(odd("2025-12-03 00:00:00", "2025-12-03", sensor="NULL")),
    "optimized": table(f"INSERT INTO {{t}} {DAY}", "OPTIMIZE {t} ZORDER BY (sensor_id)"),
    "partitioned": table(clause="PARTITIONED BY (date)"),
    "partitioned_by_another": table(clause="PARTITIONED BY (plant)", also="'P001'", plant="STRING"),
    "row_of_the_future": table(odd("2030-01-01 00:00:00", "2030-01-01")),
    "row_tracking": table(properties={"delta.enableRowTracking": "true"}),
    "statistics_of_other_columns": table(properties={"delta.dataSkippingStatsColumns": "sensor_id,temperature"}),
    "text_column": table(also="'line-1.csv'", source_file="STRING"),
    "timestamp_ntz": table(timestamp="TIMESTAMP_NTZ"),
    "type_widening": table(
        "ALTER TABLE {t} ALTER COLUMN temperature TYPE DOUBLE",
        temperature="FLOAT",
        properties={"delta.enableTypeWidening": "true"},
    ),
    "v2_checkpoint": table(
        f"INSERT INTO {{t}} {DAY}", properties={"delta.checkpointPolicy": "v2", "delta.checkpointInterval": "2"}
    ),
    "vacuum_protocol_check": table(properties={"delta.feature.vacuumProtocolCheck": "supported"}),
    "varchar": table(sensor_id="VARCHAR(40)"),
    "variant": table(also="parse_json('{\"a\": 1}')", reading="VARIANT"),
    "without_statistics": table(properties={"delta.dataSkippingNumIndexedCols": "0"}),
}


def make_table(spark: SparkSession, name: str, how: Table, folder: Path) -> None:
    place = f"delta.`{folder}`"
    columns = {how.renamed.get(name, name): kind for name, kind in {**COLUMNS, **how.columns}.items()}
    if how.built:
        _built(spark, how.built, folder)
    else:
        listed = ", ".join(f"{column} {kind}" for column, kind in columns.items())
        told = ", ".join(f"'{key}' = '{value}'" for key, value in how.properties.items())
        properties = f"TBLPROPERTIES ({told})" if told else ""
        spark.sql(f"CREATE TABLE {place} ({listed}) USING delta {how.clause} {properties}")
    rows = ROWS.format(first=0, end=48)
    if how.also:
        spark.sql(f"INSERT INTO {place} SELECT *, {how.also} FROM ({rows})")
    else:
        names = ", ".join(how.renamed.get(name, name) for name in COLUMNS)
        spark.sql(f"INSERT INTO {place} ({names}) {rows}")
    for statement in how.after:
        spark.sql(statement.format(t=place))


def _built(spark: SparkSession, what: str, folder: Path) -> None:
    """What Spark's SQL cannot say."""
    builder = DeltaTable.create(spark).location(str(folder))
    for name, kind in COLUMNS.items():
        generated = "CAST(timestamp AS DATE)" if what == "generated" and name == "date" else None
        builder = builder.addColumn(name, kind, generatedAlwaysAs=generated)
    if what == "identity":
        builder = builder.addColumn("number", "BIGINT", generatedAlwaysAs=IdentityGenerator())
    if what == "clustered":
        builder = builder.clusterBy("sensor_id", "date")
    builder.execute()


def make_raw(spark: SparkSession, folder: Path) -> None:
    """A day as raw files, in each form in which Spark writes times."""
    for name, form, kind in (
        ("raw_int96", "INT96", "TIMESTAMP"),
        ("raw_micros", "TIMESTAMP_MICROS", "TIMESTAMP"),
        ("raw_without_zone", "TIMESTAMP_MICROS", "TIMESTAMP_NTZ"),
    ):
        spark.conf.set("spark.sql.parquet.outputTimestampType", form)
        out = folder / name
        spark.sql(f"SELECT CAST(timestamp AS {kind}) AS timestamp, * EXCEPT (timestamp) FROM ({DAY})").write.parquet(
            str(out)
        )
        [part] = out.glob("part-*.parquet")
        shutil.copy(part, HERE / f"{name}.parquet")


def pack(folder: Path, to: Path) -> None:
    with zipfile.ZipFile(to, "w", zipfile.ZIP_DEFLATED) as packed:
        for file in sorted(folder.rglob("*")):
            if file.is_file() and file.suffix != ".crc":
                packed.write(file, file.relative_to(folder))


def session(jars: Path | None) -> SparkSession:
    settings = {
        "spark.sql.extensions": "io.delta.sql.DeltaSparkSessionExtension",
        "spark.sql.catalog.spark_catalog": "org.apache.spark.sql.delta.catalog.DeltaCatalog",
        "spark.sql.session.timeZone": "UTC",
        "spark.sql.shuffle.partitions": "1",
        "spark.databricks.delta.snapshotPartitions": "1",
        "spark.ui.enabled": "false",
        "spark.ui.showConsoleProgress": "false",
    }
    builder = SparkSession.builder.master("local[1]")
    for name, value in settings.items():
        builder = builder.config(name, value)
    if jars:
        builder = builder.config("spark.jars", ",".join(str(jar) for jar in jars.glob("delta-*.jar")))
    else:
        builder = builder.config("spark.jars.packages", PACKAGE)
    return builder.getOrCreate()


def main(arguments: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description="Make tables with a real Spark.")
    parser.add_argument("--jars", type=Path, help="folder with the JAR files of Delta")
    parser.add_argument("--only", default="", help="names, with commas")
    options = parser.parse_args(arguments)
    spark = session(options.jars)
    wanted = [name for name in options.only.split(",") if name] or list(TABLES)
    with tempfile.TemporaryDirectory(prefix="spark-") as folder:
        for name in wanted:
            make_table(spark, name, TABLES[name], Path(folder, name))
            pack(Path(folder, name), HERE / f"{name}.zip")
        if not options.only:
            make_raw(spark, Path(folder))
    spark.stop()


if __name__ == "__main__":
    main()
