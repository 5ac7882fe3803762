//! What is said on the control socket.
