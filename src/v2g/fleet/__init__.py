"""A fleet: depots as one power plant. Sans-IO; sees depots through `view` only."""
