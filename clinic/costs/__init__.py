"""What an implanted pump costs and brings: prices as data, courses of cost, uncertainty, utility. Simulation only."""
