"""One evening of twins, and what is stored of them.

Begin with `evening_update`: filter, forecast, watch, adapt; `storage` keeps twins as files, `update_rows` as rows,
`trials` compares twins in use with those retrained.
"""
