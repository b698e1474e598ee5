"""Hand nudges over: to a webhook, a mail server, or any service that Apprise knows."""
