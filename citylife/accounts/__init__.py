"""Who uses Citylife: citizens (pseudonymous), merchants and their teams, staff of the cluster."""
