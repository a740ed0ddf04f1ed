//! The protocol's document: its recorded frames are what the code reads and writes.
