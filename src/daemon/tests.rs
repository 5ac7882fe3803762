//! What the daemon's parts do together, without processes, threads and sockets.

mod simulation;
