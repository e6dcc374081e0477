"""Stage by stage against outputs that the reference implementations have left in fixture files."""
