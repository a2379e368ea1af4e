"""A mixture of experts that predicts the next day from the last ones, whatever was recorded of them."""
