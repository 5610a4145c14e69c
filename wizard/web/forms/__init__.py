"""The forms of the pages; their rules are the domain's."""
