"""What the UI shows of a table: its columns from the declaration, its rows from the lake."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import dagster as dg

from migraine_platform.plotting import markdown_image
from migraine_platform.warehouse.declare import Column, Table
from migraine_platform.warehouse.lake.lake import Lake

if TYPE_CHECKING:
    import polars as pl


def column_schema(table: type[Table]) -> dg.TableSchema:
    """The declaration as Dagster's column schema."""
    return dg.TableSchema(
        columns=[
            dg.TableColumn(
                name=column.name,
                type=column.sql_type,
                description=column.comment,
                constraints=dg.TableColumnConstraints(
                    nullable=column.nullable, unique=table.key == (column.name,), other=_bounds(column)
                ),
            )
            for column in table.columns
        ]
    )


def table_metadata(*tables: type[Table]) -> dict[str, Any]:
    """Definition metadata of an asset: the first table's columns, and the names of all."""
    return {
        "dagster/column_schema": column_schema(tables[0]),
        "dagster/table_name": tables[0].name,
        **({"also writes": ", ".join(table.name for table in tables[1:])} if len(tables) > 1 else {}),
    }


def written(lake: Lake, table: type[Table], partitions: Sequence[str], **more: Any) -> dict[str, Any]:
    """Materialisation metadata of a table: rows and provenance of the partitions just written."""
    return {
        "dagster/row_count": lake.rows(table, partitions),
        **provenance(lake, table, partitions[0]),
        **more,
    }


def pictured(lake: Lake, table: type[Table], partitions: Sequence[str], **more: Any) -> dict[str, Any]:
    """The same, with a picture of the first of them; not for what a person reported, which stays in the lake."""
    drawn = glance(table, lake.read(table, partitions[:1]), partitions[0])
    return {**written(lake, table, partitions, **more), **drawn}


def glance(table: type[Table], frame: "pl.DataFrame", of: str) -> dict[str, dg.MarkdownMetadataValue]:
    """A picture of a table's columns, by the name under which the UI shows it; none where nothing can be drawn."""
    from migraine_platform.warehouse.pictures import at_a_glance

    png = at_a_glance(table, frame)
    return {} if png is None else {"columns": image(png, f"How the columns of {table.name} are spread ({of})")}


def provenance(lake: Lake, table: type[Table], partition: str) -> dict[str, Any]:
    """What a partition belongs to, as its stamp says."""
    stamp = lake.stamp(table, partition)
    last = {"last date": stamp.last_date.isoformat()} if stamp.last_date else {}
    return {"population": stamp.population, "code version": stamp.code, **last}


def image(png: bytes, alt: str) -> dg.MarkdownMetadataValue:
    """A figure for the UI."""
    return dg.MetadataValue.md(markdown_image(png, alt))


def _bounds(column: Column) -> list[str]:
    return [column.expected] if column.expected else []
