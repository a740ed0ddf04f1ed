//! A client by somebody who has read the protocol's document and nothing else.
