"""TrueVision's training system: real faces in, a detector with its contract and its card out."""
