"""What stands in a street: buildings, people, vehicles, plants."""
