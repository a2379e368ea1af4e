"""Files that other programs take away. Begin with `export`; `fusemoe` and `training_split` are layouts for training."""
