"""A mixture of experts that predicts the next day from the last ones, whatever was recorded of them.

Begin with `network`; `inputs` is what it sees, `training` how it learns, `storage` how it is kept.
"""
