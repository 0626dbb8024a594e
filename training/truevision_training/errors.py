"""The one error people are meant to read: what failed, which file, what to do. The command line prints it alone and ends with 2."""


class UserError(Exception):
    """Lower case; names the file or folder, what was expected and found, and the remedy."""
