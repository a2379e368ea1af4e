"""The warehouse: tables declared once, a lake of checked partitions, one published DuckDB file.

Begin with `declare`, how a table is declared, and `tables/`, where each is; `contracts` checks rows, `publish` makes
the file, `query` reads it, `marts` are its views. Does not belong here: what rows say (the packages of science).
"""
