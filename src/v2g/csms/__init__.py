"""The CSMS of a site: boot, authorisation, transactions, needs; set-points out. No sockets, no clock."""
