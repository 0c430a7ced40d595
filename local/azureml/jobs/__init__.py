"""Jobs: submitted, queued, run as processes of this machine, and shown in the run history."""
