"""`python -m cli`: the `switchyard` command."""

from cli.app import main

if __name__ == "__main__":
    main()
