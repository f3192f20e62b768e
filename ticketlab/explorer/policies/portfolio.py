from ticketlab.explorer.policies.pos import KIND
