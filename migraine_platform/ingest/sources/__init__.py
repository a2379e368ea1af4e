"""Kinds of file that can be taken. Begin with `source`, what each must give; `registry` lists them.

The inert readers take apart a pickle of a published data set without running it.
"""
