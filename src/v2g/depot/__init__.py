"""A depot: many stations as one steady power plant. Sans-IO; sees stations through `view` only."""
