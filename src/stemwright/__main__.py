"""Run the command line: `python -m stemwright`."""

from stemwright.cli.app import main

if __name__ == "__main__":
    main()
