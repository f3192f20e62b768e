"""Power cuts: what a program or a store has lost when the power fails, in every state that its disk may be in then."""
