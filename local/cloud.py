"""`python -m local.cloud up|down|status`: the local cloud from a terminal (`local/supervisor/command_line.py`)."""

from local.supervisor.command_line import main

if __name__ == "__main__":
    main()
