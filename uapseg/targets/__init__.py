"""What the network is to see, and how far it is from that."""
