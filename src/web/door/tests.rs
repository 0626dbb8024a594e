//! The door as clients see it, over real sockets.
