"""What comes in, one folder a way of speaking: `api` (JSON), `pages` (HTML), `commands` (the console)."""
