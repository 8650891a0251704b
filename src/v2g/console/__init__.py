"""The operator's page of a depot: who may use it, and the files that a browser gets.

The page is written in TypeScript (`console/` in the repository, `make console`); what is built of it is in `built/`, so
that whoever installs the package needs neither Node nor a network.
"""
