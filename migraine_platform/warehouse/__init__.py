"""Tables declared once, the lake of Parquet partitions, and the published DuckDB warehouse."""
