"""docs/tables.md, made from the declarations."""

from __future__ import annotations

from migraine_platform.warehouse.declare import Table
from migraine_platform.warehouse.marts import MARTS, Mart
from migraine_platform.warehouse.tables import ALL


def tables_page() -> str:
    """The whole page as Markdown."""
    parts = [
        "# Tables",
        "Made from `migraine_platform/warehouse/tables/` and `warehouse/sql/` by `migraine tables`; change those.",
        *(_section(table) for table in ALL),
        "## Marts",
        "Views over the tables, one SQL file each in `migraine_platform/warehouse/sql/`.",
        *(_mart(mart) for mart in MARTS),
    ]
    return "\n\n".join(parts) + "\n"


def _mart(mart: Mart) -> str:
    rows = "\n".join(f"| `{name}` | {meaning} |" for name, meaning in mart.columns.items())
    return f"### `{mart.name}`\n\n{mart.description}\n\n| column | meaning |\n|---|---|\n{rows}"


def _section(table: type[Table]) -> str:
    cut = "one partition a patient batch" if table.by_batch else "one partition"
    lines = [
        f"## `{table.name}`",
        f"{table.description()} Key: {', '.join(f'`{name}`' for name in table.key)}; {cut}.",
        "| column | type | unit | bounds | null | meaning |\n|---|---|---|---|---|---|\n"
        + "\n".join(
            f"| `{column.name}` | {column.kind} | {column.unit or ''} | {column.expected} "
            f"| {'yes' if column.nullable else ''} | {column.description} |"
            for column in table.columns
        ),
    ]
    if table.rules:
        lines.append("\n".join(f"- {name}: `{sql}`" for name, sql in table.rules.items()))
    return "\n\n".join(lines)
