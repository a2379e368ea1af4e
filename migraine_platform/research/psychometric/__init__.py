"""The psychometric task (`task`), and teaching it from exact expected gains (`teacher`)."""
