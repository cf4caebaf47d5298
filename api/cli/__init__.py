"""The command line."""

from infra.memory import collect_seldom

# Before anything else is imported: hundreds of thousands of objects that stay, of which a verb would look through all.
collect_seldom()
