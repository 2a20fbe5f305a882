"""The functions of Python: the names, defaults and checks of the options of the command line."""
