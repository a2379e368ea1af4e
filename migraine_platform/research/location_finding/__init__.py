"""Finding a source whose likelihood is known: beliefs on a grid, designs and posteriors learned from them."""
