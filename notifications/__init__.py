"""Everything that leaves the house: pushes, mail, the report to the cluster, and the doorbell of its workers."""
