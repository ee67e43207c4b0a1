"""Which model a name means, the processes that answer chats, and the protocol spoken with them."""
