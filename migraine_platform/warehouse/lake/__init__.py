"""The lake. Begin with `lake`, partitions of rows; `seals` says which checks they passed, `places` where files lie."""
