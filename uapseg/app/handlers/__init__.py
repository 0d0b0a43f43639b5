"""The handlers of the page's events."""
