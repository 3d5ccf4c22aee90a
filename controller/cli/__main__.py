"""`python -m controller.cli` for where the console script is not on the path."""

from controller.cli import main

main(prog_name="stoker")
