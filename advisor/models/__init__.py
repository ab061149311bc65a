"""What gives text: a model in this process, or one behind an endpoint, with what that costs and who agreed to it."""
