"""What is found out: the diagnosis, the proof on the sealed test, what tuning forgot."""
